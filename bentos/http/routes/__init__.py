"""The HTTP routes, one file a subject. Each reads its call and writes its answer; the work is done elsewhere."""
