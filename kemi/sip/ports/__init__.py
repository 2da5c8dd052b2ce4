"""What the proxy's rules ask of the SIP stack. `kemi.ksr` answers with Kamailio; nothing here does I/O.

All of it is about the message that the worker has at hand.
"""

from kemi.sip.ports.location import Location
from kemi.sip.ports.message import Message, Proof
from kemi.sip.ports.spiral import Errand, Spiral
from kemi.sip.ports.transaction import ANSWER_NOTE, Callback, Transaction, device_note

__all__ = ["ANSWER_NOTE", "Callback", "Errand", "Location", "Message", "Proof", "Spiral", "Transaction", "device_note"]
