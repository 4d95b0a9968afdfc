"""A service's processes: how a worker starts and ends, and the folder that the processes of one service share."""
