"""The settings that the processes of these runs have: Karani's own, with less patience.

What takes minutes in life takes seconds here. The order of the times is kept: an attempt ends
before its lease does, and whoever is to be left alone for a while is tried again only later.
"""

from project.settings import *  # noqa: F403  # all of them, but for those below

AFRICASTALKING_READ_TIMEOUT = 2.0
SMS_LEASE = 8.0  # an attempt takes 7 at most: 5 to connect, and 2 to answer
SMS_BACKOFF = (0.2, 2.0)
SMS_PROBE_EVERY = (0.2, 1.0)
SMS_BALANCE_PROBE = 1.0
SMS_RECOVERY = 1.0
SMS_RETRY_DELAYS = {
    407: (1.0,),
    500: (0.3, 0.6, 1.2),
    501: (0.3, 0.6, 1.2),
    502: (1.0,),
}
