# elements_ahead: which commands begin with a look for one element of a big collection, and where
# they name it. batch_run prepares that look for commands that are yet to run, through the functions
# that the types have given (prefetch_register), so that the misses of one command pass while others
# work: bucket of the element first, what stands there later.
#
# A position is that of the first element of a command line without options. With options there,
# something else is looked for in vain, which costs a few nanoseconds and nothing else.

row_element(b"hdel", 2)
row_element(b"hexists", 2)
row_element(b"hget", 2)
row_element(b"hincrby", 2)
row_element(b"hincrbyfloat", 2)
row_element(b"hmget", 2)
row_element(b"hmset", 2)
row_element(b"hset", 2)
row_element(b"hsetnx", 2)
row_element(b"hstrlen", 2)

row_element(b"sadd", 2)
row_element(b"sismember", 2)
row_element(b"smismember", 2)
row_element(b"smove", 3)
row_element(b"srem", 2)

row_element(b"geoadd", 4)
row_element(b"geodist", 2)
row_element(b"geohash", 2)
row_element(b"geopos", 2)
row_element(b"zadd", 3)
row_element(b"zincrby", 3)
row_element(b"zmscore", 2)
row_element(b"zrank", 2)
row_element(b"zrem", 2)
row_element(b"zrevrank", 2)
row_element(b"zscore", 2)
