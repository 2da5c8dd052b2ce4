"""Builds a worker: settings → adapters → services → handler.

Nothing here connects: that happens at first use, after the fork.
"""

from __future__ import annotations

from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Sources
from kemi.accounts.current import CurrentDirectory, Follower
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.noted import Noted
from kemi.dialogs.reentry import Reentry
from kemi.dialogs.tracking import Tracking
from kemi.dialogs.untracked import Untracked
from kemi.handler import Handler
from kemi.ksr import proxy
from kemi.ksr.bus import KamailioBus
from kemi.ksr.counters import KamailioCounters
from kemi.ksr.digest import KamailioDigest
from kemi.ksr.gateways import KamailioGateways
from kemi.ksr.http import KamailioHttp
from kemi.ksr.incoming import Incoming
from kemi.ksr.location import KamailioLocation
from kemi.ksr.marks import KamailioMarks
from kemi.ksr.media import KamailioMedia
from kemi.ksr.own_calls import KamailioOwnCalls
from kemi.ksr.own_errors import have_own_errors
from kemi.ksr.peers import KamailioPeers, publish_nodes
from kemi.ksr.proxy import KamailioProxy
from kemi.ksr.seal import Seal
from kemi.ksr.spiral import KamailioSpiral
from kemi.ksr.transaction import KamailioTransaction
from kemi.ksr.waiters import KamailioWaiters
from kemi.lamps.book import Book
from kemi.lamps.notifier import Notifier
from kemi.lamps.watching import Watching
from kemi.metrics.counted import CountedPickups, CountedRecord
from kemi.metrics.meter import Meter
from kemi.nodes.burial import Burial
from kemi.nodes.probe import answering
from kemi.nodes.registry import Registry
from kemi.pickup.console import ConsolePickup
from kemi.pickup.elsewhere import Elsewhere
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.queueing.service import Queueing
from kemi.routing.admission import Admission
from kemi.routing.calls import Calls
from kemi.routing.draining import Draining
from kemi.routing.feature_codes import FeatureCodes
from kemi.routing.for_peers import ForPeers
from kemi.routing.guard import Guard
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog
from kemi.routing.initial import InitialRequests
from kemi.routing.media import Direct, Media, Relayed
from kemi.routing.requests import Requests
from kemi.routing.trunks import Trunks
from kemi.routing.websocket import WebSocketGate
from kemi.settings import Settings
from kemi.sip.ports import Callback, Errand
from kemi.store import open_node_store

NEW_COUNTS_A_MINUTE = 100_000
"""About 120 bytes of shared memory each. When forged sources use them up, what they do is not counted."""


def build(settings: Settings) -> Handler:
    """The object whose methods Kamailio calls."""
    meter = Meter(settings.counts_path, settings.metrics_domains)
    store = open_node_store(settings, proxy.log_notice, meter)
    pickups, record = CountedPickups(store.calls, meter), CountedRecord(store.events, meter)
    directory = CurrentDirectory(proxy.published_directory)
    peers = KamailioPeers(settings)
    bus = KamailioBus(settings, peers)
    kamailio, transaction, location, spiral = (
        KamailioProxy(Seal.kept_in(settings.seal_path), peers if settings.peer else None),
        KamailioTransaction(every_branch=Callback.CALL_BRANCH if settings.rtpengine else None),
        KamailioLocation(settings, peers),
        KamailioSpiral(settings.spiral_port),
    )
    gateways = KamailioGateways(settings.gateways_path)
    gateways.prepare()
    media: Media = Relayed(Incoming, transaction, KamailioMedia()) if settings.rtpengine else Direct()
    transaction.unsent = media.over
    late_answers = LateAnswers(Incoming, KamailioMarks(), spiral)
    own_calls = KamailioOwnCalls()
    noted = Noted(store.calls, own_calls)
    tracking: Tracking = noted if settings.tracking else Untracked()
    in_dialog = InDialog(directory, Incoming, transaction, tracking, kamailio, late_answers, media, peers.is_peer)
    queueing = Queueing(
        directory,
        Incoming,
        transaction,
        location,
        spiral,
        store.queues,
        KamailioWaiters(),
        store.events,
        settings,
    )
    calls = Calls(directory, Incoming, transaction, location, tracking, queueing, late_answers, spiral, settings)
    draining = Draining(proxy.draining)
    calls.draining = draining
    calls.taken = noted.taken
    queueing.is_draining = draining.is_on
    queueing.forward = calls.forward
    queueing.is_taken = late_answers.is_taken
    in_dialog.ended = queueing.ended
    reroute = Reroute(
        directory,
        Incoming,
        transaction,
        spiral,
        pickups,
        record,
        late_answers,
        queueing.send_to_picker,
        peers,
        settings,
    )
    pickup = PickupService(
        directory,
        Incoming,
        transaction,
        pickups,
        record,
        reroute,
        late_answers,
        Elsewhere(peers, transaction),
        settings,
    )
    reroute.ring_devices = lambda number, domain: location.ring(number, domain, first=True)
    console = ConsolePickup(directory, location, spiral, pickups, record, store.mailbox, reroute, settings)
    counts = KamailioCounters("abuse", new_a_minute=NEW_COUNTS_A_MINUTE)
    sources = Sources(KamailioCounters("flood"), counts, settings, proxy.log_notice)
    admission = Admission(directory, kamailio, transaction, sources, Passwords(counts, settings))
    identity = Identity(KamailioDigest(), admission)
    guard = Guard(store.dialogs, record)
    trunks = Trunks(directory, transaction, kamailio, gateways, calls, settings, guard)
    book = Book(settings.lamps_path)
    watching = Watching(directory, Incoming, transaction, book, settings)
    initial = InitialRequests(
        directory,
        kamailio,
        transaction,
        location,
        identity,
        FeatureCodes(directory, transaction, pickup, queueing),
        calls,
        pickup,
        trunks,
        guard,
        watching,
    )
    requests = Requests(
        directory, kamailio, admission, transaction, identity, in_dialog, reroute, spiral, watching, peers, bus, initial
    )
    requests.by_peer = ForPeers(kamailio, transaction, pickup, settings).kinds()
    initial.draining = trunks.draining = draining
    requests.errands[Errand.PICK_UP] = console.carry_out
    follower = Follower(
        store.provisioning,
        store.calls.reindex,
        gateways.install,
        proxy.publish_directory,
        settings.node_dir,
        proxy.log_notice,
    )
    notifier = Notifier(directory, book, store.lamps, spiral, settings)
    reentry = Reentry(directory, own_calls, store.reentries, late_answers.is_taken)

    def missed() -> None:
        bus.join_again()
        # Others may have taken this node for dead, and its calls out of the store.
        store.doubt()

    registry = Registry(store.nodes, publish_nodes, proxy.log_notice, settings)
    registry.ended = lambda peer: peers.end_what_waits_for(peer, spiral.answer)
    registry.answering = answering
    registry.missed = missed
    registry.bury = Burial(store.nodes, directory)
    gate = WebSocketGate(KamailioHttp(), Incoming, settings.websocket_port_numbers)
    handler = Handler(
        requests,
        calls,
        pickup,
        reroute,
        in_dialog,
        queueing,
        trunks,
        late_answers,
        follower,
        registry,
        location,
        bus,
        media,
        gate,
        watching,
        notifier,
        Incoming,
        transaction,
        directory.look,
        store.deliver,
        proxy.log_error,
    )
    handler.see_what_rings = reentry.look
    handler.fetch = console.fetch

    def begin() -> None:
        if settings.tls_certificate:
            have_own_errors()
        meter.open()

    handler.begin = begin
    return handler
