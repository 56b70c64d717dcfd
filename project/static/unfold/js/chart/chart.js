// In place of Chart.js, 69 kB that Unfold loads on every page: our only chart is drawn by the server.
