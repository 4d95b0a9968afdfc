"""What a node is told to be: its cassandra.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Options:
    """How the nodes run. `port` and `storage_port` 0: free ones. `tls`: PEM file of a node's key and certificate.

    `commitlog_sync`: with "batch" a write is on disk before it is acknowledged, with "periodic" up to a minute later.
    `second_compiler`: let the JVM compile once more what runs often, as it does by default. The node is faster then,
    after minutes of load in which the compiler takes a third of a core from everybody else.
    """

    nodes: int = 1
    port: int = 0
    storage_port: int = 0
    auth: bool = False
    tls: Path | None = None
    commitlog_sync: Literal["batch", "periodic"] = "batch"
    second_compiler: bool = False


def node_settings(
    options: Options, hosts: Sequence[str], n: int, data: Path, port: int, storage_port: int
) -> dict[str, Any]:
    """The settings of node `n` (from 1) of `hosts`: an even share of the ring, few threads and little memory."""
    return {
        "cluster_name": "sms-spam",
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "num_tokens": 1,
        "initial_token": str(-(2**63) + (n - 1) * (2**64 // len(hosts))),
        "auto_bootstrap": False,
        "use_deterministic_table_id": True,
        "storage_compatibility_mode": "NONE",
        "seed_provider": _seeds(hosts, storage_port),
        "listen_address": hosts[n - 1],
        "rpc_address": hosts[n - 1],
        "storage_port": storage_port,
        "native_transport_port": port,
        "client_encryption_options": _encryption(options.tls),
        **_login(options.auth),
        **_folders(data),
        **_commit_log(options.commitlog_sync),
        **SMALL,
        "auto_snapshot": False,
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
    }


SMALL = {
    # as in cassandra_latest.yaml: what is not flushed yet lies outside of the heap, which makes collections shorter
    "memtable": {"configurations": {"default": {"class_name": "TrieMemtable"}}},
    "memtable_allocation_type": "offheap_objects",
    "memtable_heap_space": "64MiB",
    "memtable_offheap_space": "64MiB",
    "commitlog_segment_size": "8MiB",
    "commitlog_total_space": "64MiB",
    "key_cache_size": "8MiB",
    "file_cache_size": "32MiB",
    "networking_cache_size": "16MiB",
    "concurrent_reads": 16,
    "concurrent_writes": 16,
    "concurrent_compactors": 1,
}


def _seeds(hosts: Sequence[str], storage_port: int) -> list[dict[str, Any]]:
    seeds = ",".join(f"{host}:{storage_port}" for host in hosts)
    provider = "org.apache.cassandra.locator.SimpleSeedProvider"
    return [{"class_name": provider, "parameters": [{"seeds": seeds}]}]


def _encryption(pem: Path | None) -> dict[str, Any]:
    if pem is None:
        return {"enabled": False}
    factory = "org.apache.cassandra.security.PEMBasedSslContextFactory"
    return {"enabled": True, "optional": False, "keystore": str(pem), "ssl_context_factory": {"class_name": factory}}


def _login(required: bool) -> dict[str, Any]:
    if not required:
        return {"authenticator": "AllowAllAuthenticator", "authorizer": "AllowAllAuthorizer"}
    return {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "permissions_validity": "500ms",  # a permission granted or taken away is seen soon
    }


def _folders(data: Path) -> dict[str, Any]:
    return {
        "data_file_directories": [f"{data}/data"],
        **{f"{name}_directory": f"{data}/{name}" for name in ("commitlog", "saved_caches", "hints", "cdc_raw")},
    }


def _commit_log(sync: str) -> dict[str, Any]:
    if sync == "batch":
        return {"commitlog_sync": "batch"}
    # compressed, the log is in memory between two syncs; else marks every 100 ms would save most of it from a SIGKILL
    compressed = {"commitlog_compression": [{"class_name": "LZ4Compressor"}]}
    return {"commitlog_sync": "periodic", "commitlog_sync_period": "60s", **compressed}
