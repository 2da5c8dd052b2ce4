"""Builds a worker: settings → adapters → services → handler.

Nothing here connects: that happens at first use, after the fork.
"""

from __future__ import annotations

from kemi.accounts.current import CurrentDirectory, Follower
from kemi.handler import Handler
from kemi.ksr import proxy
from kemi.ksr.digest import KamailioDigest
from kemi.ksr.gateways import KamailioGateways
from kemi.ksr.incoming import Incoming
from kemi.ksr.location import KamailioLocation
from kemi.ksr.proxy import KamailioProxy
from kemi.ksr.seal import Seal
from kemi.ksr.transaction import KamailioTransaction
from kemi.pickup.service import PickupService
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog
from kemi.routing.requests import Requests
from kemi.routing.trunks import Trunks
from kemi.settings import Settings
from kemi.store import open_store


def build(settings: Settings) -> Handler:
    """The object whose methods Kamailio calls."""
    store = open_store(settings, proxy.log_notice)
    directory = CurrentDirectory(proxy.published_directory)
    kamailio, transaction, location = (
        KamailioProxy(Seal.kept_in(settings.seal_path)),
        KamailioTransaction(),
        KamailioLocation(),
    )
    gateways = KamailioGateways(settings.gateways_path)
    gateways.prepare()
    in_dialog = InDialog(directory, Incoming, transaction, store.calls, kamailio)
    queueing = Queueing(directory, Incoming, transaction, location, store.queues, store.events, settings)
    calls = Calls(directory, Incoming, transaction, location, store.calls, queueing, settings)
    queueing.forward = calls.forward
    pickup = PickupService(directory, Incoming, transaction, store.calls, store.events, settings)
    identity = Identity(KamailioDigest())
    trunks = Trunks(directory, transaction, kamailio, gateways, calls, settings)
    requests = Requests(
        directory, kamailio, transaction, location, identity, in_dialog, calls, pickup, queueing, trunks
    )
    follower = Follower(
        store.provisioning,
        store.calls.reindex,
        gateways.install,
        proxy.publish_directory,
        settings.node_dir,
        proxy.log_notice,
    )
    return Handler(
        requests, calls, pickup, in_dialog, queueing, trunks, follower, Incoming, transaction, proxy.log_error
    )
