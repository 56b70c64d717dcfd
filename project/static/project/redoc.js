// Starts ReDoc with what the page says in its element "options".

// ReDoc shows a picture from its makers' server, and goes without where that does not answer. This
// page asks nobody but us: any picture from elsewhere fails before it is asked for.
const isForeign = (address) => {
  const { origin, protocol } = new URL(address, location.href);
  return origin !== location.origin && protocol !== "data:";
};
const fail = (image) => queueMicrotask(() => image.dispatchEvent(new Event("error")));
const pictures = HTMLImageElement.prototype;
const src = Object.getOwnPropertyDescriptor(pictures, "src");
Object.defineProperty(pictures, "src", {
  ...src,
  set(address) {
    return isForeign(address) ? fail(this) : src.set.call(this, address);
  },
});
pictures.setAttribute = function (name, value) {
  return name === "src" && isForeign(value)
    ? fail(this)
    : Element.prototype.setAttribute.call(this, name, value);
};

const { url } = JSON.parse(document.getElementById("options").textContent);
const fontFamily = "system-ui, sans-serif";

Redoc.init(
  url,
  {
    theme: {
      colors: { primary: { main: "#047857" } },
      typography: { fontFamily, headings: { fontFamily } },
    },
  },
  document.getElementById("redoc"),
);
