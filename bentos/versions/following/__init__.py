"""Following the registry: a service takes up what is promoted, rolled back or routed, without a restart.

    supervisor --starts--> follower process --writes--> registry.json --read by--> watcher, one in each worker

The follower keeps a copy of each version (VERSIONS_PATH), beside the record of what was served last. A new worker and a
new service start from these, whatever has become of the registry.

The follower is a process of its own, so that a registry that hangs hangs no worker. It reads without MLflow's import,
which costs two seconds and 170 MB (`registry.reading`); what only MLflow can read or download, it asks a process that
ends with the answer. The files lie in the folder that the processes of one service share.
"""
