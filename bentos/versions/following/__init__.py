"""Following the registry: a service takes up what is promoted, rolled back or routed, without a restart.

    supervisor --starts--> follower process --writes--> registry.json --read by--> watcher, one in each worker

The follower keeps a copy of each version (VERSIONS_PATH), beside the record of what was served last. A new worker and a
new service start from these, whatever has become of the registry.

The follower process is the only one that imports MLflow: that costs two seconds and 170 MB, and a registry that hangs
then hangs no worker. The files lie in the folder that the processes of one service share.
"""
