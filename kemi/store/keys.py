"""The keyspace, as a table: no other module, and no Lua file, spells a key.

Every key of a tenant begins with `s87:{domain}:`. The braces are a hash tag, so that all keys of a tenant lie on one
slot of a Redis Cluster and one function can change them atomically.

| after the prefix   | type   | what                                                     | lives for          |
|--------------------|--------|----------------------------------------------------------|--------------------|
| call:KEY           | hash   | one ringing call (fields below)                          | its longest ring   |
| ring:n:NUMBER      | zset   | calls routed to an account: KEY by routed_at_us          | its longest ring   |
| ring:p:KIND:PERMIT | zset   | the same calls, by kind and permission id of the account | its longest ring   |
| ring:m:NUMBER      | zset   | calls that ring an extension as a group's member         | its longest ring   |
| claims             | zset   | claimed calls: KEY by when the claim expires, in µs      | its longest ring   |
| taken:NUMBER       | string | KEY of the call that was claimed last, or `answered`     | a claim, or 5 s    |
| replaces:NAME      | string | `good` or `bad`: what a device does with a Replaces      | device_memory_s    |
| device:FLOW        | hash   | answered calls of a device: KEY → `1` talks, `0` holds   | dialog_ttl_s       |
| talk:KEY           | hash   | one confirmed dialog (fields below)                      | dialog_ttl_s       |
| wait:NUMBER        | zset   | callers who wait in an agent group's queue               | the longest wait   |
| due:NODE           | zset   | queued calls of a node: KEY by its next sign of life     | the longest wait   |
| held:NODE          | zset   | calls that a node holds, if it shares the store          | its longest ring   |
| agent:NUMBER       | hash   | `out`, `missed`, `idle_since`, `wrap_until` (fields)     | stays              |
| busy:NUMBER        | set    | calls and dialogs in which an agent takes part           | the longest        |
| stats:NUMBER       | hash   | what became of an agent group's callers; whose turn      | stays              |
| denied:NUMBER      | string | attempts of a picker that permission ended               | a minute           |
| noted:NUMBER       | string | refusals of a picker in the pickup record                | a minute           |
| watched            | hash   | accounts that somebody watches: NUMBER → until when, µs  | a day              |
| changed            | zset   | those of them that may have changed: NUMBER by when, µs  | a day              |
| talks:NUMBER       | set    | confirmed dialogs of an extension, where anybody watches | dialog_ttl_s       |
| events             | stream | the pickup record                                        | events_max entries |

The calls that wait stand under ring:p:w:PERMIT too. An agent: `out` is logged out, `missed` offers in a row, µs else.

`watched` has a field `*`, a stamp: as long as it is there, `talks` are kept.

Outside any tenant: `s87:provision`, a hash of the document in force and its version; `s87:nodes`, the registry of nodes
and what they share (announce.lua); `s87:queues:NODE`, a set of the tenants in which a node holds queued calls;
`s87:asked:NODE`, a zset of what consoles ask of a node, by time in µs, and `s87:told:ID`, what it answered, both for
seconds; `s87:version`, the version of this keyspace (keyspace.py).

Fields of call:KEY:

| field | what                                                                     |
|-------|--------------------------------------------------------------------------|
| k n p | kind code, number and permission id of the account that it was routed to |
| t l   | routed_at_us; ttl_ms                                                     |
| f x…  | caller's extension number; the caller (Caller.pack), in x1, x2, …        |
| e     | live early dialogs: `branch tag` lines, the last relayed last            |
| m g   | extensions that ring now; set when they are indexed under ring:m         |
| c b i | claim token; extension of the picker that claimed; node that carries out |
| d     | set: picked up, the old call is ending                                   |
| w     | agents that take part                                                    |
| s     | `w` waits in a queue, `h` leaves it, else rings                          |
| N T q | node and transaction (index:label) that hold it; CSeq of its INVITE      |
| r     | what is sent to the device of its picker (packed)                        |
| z     | agents who were offered it and did not take it                           |
| y v   | `1` pickers may have it, `2` agents too; when the last 182 was sent      |
| u     | name of the caller's device (pickup/devices.py)                          |
| gone  | all else is over: `1` before it was entered, `p` picked up, `a` answered |
| o h   | while gone: token of its claim; the callee's end, who had answered       |

Fields of talk:KEY (KEY is of the caller's side):

| field                     | what                                                                |
|---------------------------|---------------------------------------------------------------------|
| caller callee             | device (flow) of either end; empty: a trunk, or outside             |
| agents wrap_up            | agents that take part; `agent ms` of the one who serves a group     |
| caller_party callee_party | extension number or trunk of either end (tracking.Parties)          |
| callee_tag routed_to      | To tag of the answer; account by which the callee was called        |
"""

from __future__ import annotations

from kemi.accounts.model import Kind

PROVISION = "s87:provision"
NODES = "s87:nodes"
VERSION = "s87:version"

SUFFIXES = {
    "call": "call:",
    "by_number": "ring:n:",
    "by_permission": "ring:p:",
    "by_member": "ring:m:",
    "claims": "claims",
    "taken": "taken:",
    "replaces": "replaces:",
    "device": "device:",
    "talk": "talk:",
    "events": "events",
    "waiting": "wait:",
    "due": "due:",
    "held": "held:",
    "agent": "agent:",
    "busy": "busy:",
    "stats": "stats:",
    "denied": "denied:",
    "noted": "noted:",
    "watched": "watched",
    "changed": "changed",
    "talks": "talks:",
}

KIND_CODES = {Kind.HUNT_GROUP: "h", Kind.EXTENSION: "e", Kind.AGENT_GROUP: "a"}
WAITING = "w"
KINDS = {code: kind for kind, code in KIND_CODES.items()}


def tenant(domain: str) -> str:
    """Prefix of a tenant's keys: KEYS[1] of every function on calls."""
    return f"s87:{{{domain}}}:"


def due(domain: str, node: str) -> str:
    return tenant(domain) + SUFFIXES["due"] + node


def queues(node: str) -> str:
    return f"s87:queues:{node}"


def asked(node: str) -> str:
    return f"s87:asked:{node}"


def told(request: str) -> str:
    return f"s87:told:{request}"


def events(domain: str) -> str:
    return tenant(domain) + SUFFIXES["events"]


def lua_table() -> str:
    """The suffixes as a Lua table, prepended to the functions: one source for both languages."""
    return "local SUFFIX = {" + ", ".join(f'{name} = "{text}"' for name, text in SUFFIXES.items()) + "}\n"
