"""Who has a number, what may be done with it, and how a node comes to know.

    document.py     the operator's YAML, validated whole → model.Provisioning   (command line only)
      yaml_source.py  YAML text → plain values; duplicate keys and syntax faults
      shape.py        which keys each entry has (pydantic)
      formats.py      what one value must look like: number, pattern, SIP URI, …
      references.py   what several entries must agree on: members, duplicates, DIDs
      faults.py       Fault and DocumentInvalid
    wire.py         Provisioning ↔ JSON, for the state store
    snapshot.py     Provisioning → one SQLite file on each node
    directory.py    that file as the workers read it: accounts, grants
    trunks.py       sources, DIDs and prefixes of all trunks, for one look-up each
    model.py        accounts, domains, trunks: immutable values
    permission.py   who may see an account and who may pick up from it

What a worker imports (model, permission, wire, snapshot, directory, trunks) needs the standard library alone.
"""
