# status: every error text that a client can be sent, in one place.
#
# A text begins with its code; the code is counted (INFO errorstats). Texts with a part that varies
# have a function; the varying part is cut to a bounded length, and reply_error takes out line ends.

ctypedef int Status

cdef enum:
    ERROR_SYNTAX
    ERROR_NOT_INTEGER
    ERROR_NOT_FLOAT
    ERROR_SCORE_NAN
    ERROR_SCORE_RANGE
    ERROR_LEX_RANGE
    ERROR_LIMIT_BY_RANK
    ERROR_SCORES_BY_LEX
    ERROR_ZADD_NX_XX
    ERROR_ZADD_GT_LT_NX
    ERROR_ZADD_INCR
    ERROR_WEIGHT
    ERROR_COUNT_POSITIVE
    ERROR_GEO_UNIT
    ERROR_GEO_RADIUS
    ERROR_GEO_RADIUS_NEGATIVE
    ERROR_GEO_WIDTH
    ERROR_GEO_HEIGHT
    ERROR_GEO_BOX_NEGATIVE
    ERROR_GEO_MEMBER
    ERROR_GEO_COUNT
    ERROR_GEO_ANY
    ERROR_GEO_STORE_WITH
    ERROR_GEO_RADIUS_STORE_WITH
    ERROR_WRONG_TYPE
    ERROR_NO_KEY
    ERROR_SAME_OBJECT
    ERROR_OUT_OF_RANGE
    ERROR_INDEX_OUT_OF_RANGE
    ERROR_OFFSET_OUT_OF_RANGE
    ERROR_POSITIVE
    ERROR_DB_INDEX
    ERROR_NOT_INT32
    ERROR_OVERFLOW
    ERROR_DECREMENT
    ERROR_NAN_OR_INFINITY
    ERROR_STRING_TOO_LONG
    ERROR_NUMKEYS
    ERROR_NUMKEYS_POSITIVE
    ERROR_NUMKEYS_TOO_MANY
    ERROR_LIMIT_NEGATIVE
    ERROR_LONG_RANGE
    ERROR_REPEATS
    ERROR_SORT_SCORE
    ERROR_CURSOR
    ERROR_NO_AUTH
    ERROR_OUT_OF_MEMORY
    ERROR_PROTOCOL_VERSION
    ERROR_NOT_IN_TRANSACTION
    ERROR_EXEC_ABORT
    ERROR_EXEC_WITHOUT_MULTI
    ERROR_DISCARD_WITHOUT_MULTI
    ERROR_NESTED_MULTI
    ERROR_WATCH_INSIDE_MULTI
    ERROR_SLOWLOG_COUNT
    ERROR_PROTOCOL_TYPE
    ERROR_PUSH_NEEDS_RESP3
    ERROR_PACKED_THRESHOLD
    ERROR_MODULE_LOAD
    ERROR_MODULE_UNLOAD
    ERROR_BIT_OFFSET
    ERROR_BIT
    ERROR_BITPOS_BIT
    ERROR_BITOP_NOT
    ERROR_BITFIELD_TYPE
    ERROR_BITFIELD_OVERFLOW
    ERROR_BITFIELD_READONLY
    ERROR_HLL_TYPE
    ERROR_HLL_CORRUPT
    ERROR_HLL_NO_KEY
    ERROR_HLL_NOT_SPARSE
    ERROR_HLL_SIMD
    ERROR_HLL_SELF_TEST
    ERROR_NOT_LISTPACK
    ERROR_NOT_QUICKLIST
    ERROR_NOT_TABLE
    ERROR_NOT_SDS
    ERROR_DATABASE_RANGE
    ERROR_LCS_TYPE
    ERROR_LCS_LEN_AND_IDX
    ERROR_LCS_TOO_LONG
    ERROR_LCS_TOO_BIG
    ERROR_LCS_NO_MEMORY
    ERROR_NX_COMBINED
    ERROR_GT_AND_LT
    ERROR_SCAN_NOVALUES
    ERROR_HASH_NOT_INTEGER
    ERROR_HASH_NOT_FLOAT
    ERROR_INFINITE
    ERROR_FIELDS_MISSING
    ERROR_FIELDS_COUNT
    ERROR_FIELDS_ABOVE_0
    ERROR_FIELDS_POSITIVE
    ERROR_FIELDS_INVALID
    ERROR_FIELD_DUE_NEGATIVE
    ERROR_FXX_AND_FNX
    ERROR_ONE_FIELD_DUE
    ERROR_NOT_LFU
    ERROR_IS_LFU
    ERROR_FIRST_DB_INDEX
    ERROR_SECOND_DB_INDEX
    ERROR_BUSY_KEY
    ERROR_RESTORE_TTL
    ERROR_RESTORE_IDLE_TIME
    ERROR_RESTORE_FREQUENCY
    ERROR_PAYLOAD
    ERROR_BAD_DATA
    ERROR_WAIT_LOCAL
    ERROR_WAIT_NO_AOF
    ERROR_UNBLOCKED
    ERROR_UNBLOCK_REASON
    ERROR_MIGRATE_KEY
    ERROR_MIGRATE_CONNECT
    ERROR_MIGRATE_WRITE
    ERROR_MIGRATE_READ
    ERROR_MIGRATE_CHANGED
    ERROR_EXEC_ABORT_ARITY
    ERROR_EXEC_ABORT_NO_AUTH
    ERROR_EXEC_ABORT_OUT_OF_MEMORY
    ERROR_WRONG_PASSWORD
    ERROR_NO_PASSWORD_SET
    ERROR_HELLO_NO_AUTH
    ERROR_HELLO_VERSION
    ERROR_CLIENT_NAME
    ERROR_CLIENT_MISSING
    ERROR_CLIENT_ID
    ERROR_CLIENT_ID_POSITIVE
    ERROR_MAX_AGE
    ERROR_MAX_AGE_POSITIVE
    ERROR_NOT_NEGATABLE
    ERROR_RANK_ZERO
    ERROR_COUNT_NEGATIVE
    ERROR_MAXLEN_NEGATIVE
    ERROR_TIMEOUT_NOT_INTEGER
    ERROR_TIMEOUT_NOT_FLOAT
    ERROR_TIMEOUT_NEGATIVE
    ERROR_TIMEOUT_RANGE
    ERROR_PAUSE_MODE
    ERROR_COMMAND_INVALID
    ERROR_COMMAND_NO_KEYS
    ERROR_COMMAND_ARITY
    ERROR_COMMAND_ARGUMENTS
    ERROR_STREAM_ID
    ERROR_STREAM_START
    ERROR_STREAM_END
    ERROR_STREAM_ZERO_ID
    ERROR_STREAM_SMALL_ID
    ERROR_STREAM_EXHAUSTED
    ERROR_STREAM_TOO_LARGE
    ERROR_TRIM_MAXLEN
    ERROR_TRIM_LIMIT
    ERROR_TRIM_BOTH
    ERROR_TRIM_NONE
    ERROR_TRIM_LIMIT_ALONE
    ERROR_TRIM_LIMIT_EXACT
    ERROR_XSETID_ADDED
    ERROR_XSETID_GIVEN_DELETED
    ERROR_XSETID_DELETED
    ERROR_XSETID_TOP
    ERROR_XSETID_LENGTH
    ERROR_XREAD_GROUP
    ERROR_XREAD_NOACK
    ERROR_XREAD_NEW
    ERROR_XREAD_UNBALANCED
    ERROR_XREADGROUP_UNBALANCED
    ERROR_XREADGROUP_NO_GROUP
    ERROR_XREADGROUP_LAST
    ERROR_XREADGROUP_PLUS
    ERROR_XGROUP_NO_KEY
    ERROR_XGROUP_READ
    ERROR_BUSY_GROUP
    ERROR_XCLAIM_MIN_IDLE
    ERROR_XAUTOCLAIM_MIN_IDLE
    ERROR_XCLAIM_IDLE
    ERROR_XCLAIM_TIME
    ERROR_XCLAIM_RETRY_COUNT
    ERROR_XAUTOCLAIM_COUNT
    STATUS_COUNT

cdef const char *STATUS_TEXTS[STATUS_COUNT]
STATUS_TEXTS[ERROR_SYNTAX] = b"ERR syntax error"
STATUS_TEXTS[ERROR_NOT_INTEGER] = b"ERR value is not an integer or out of range"
STATUS_TEXTS[ERROR_NOT_FLOAT] = b"ERR value is not a valid float"
STATUS_TEXTS[ERROR_SCORE_NAN] = b"ERR resulting score is not a number (NaN)"
STATUS_TEXTS[ERROR_SCORE_RANGE] = b"ERR min or max is not a float"
STATUS_TEXTS[ERROR_LEX_RANGE] = b"ERR min or max not valid string range item"
STATUS_TEXTS[ERROR_LIMIT_BY_RANK] = (
    b"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
STATUS_TEXTS[ERROR_SCORES_BY_LEX] = (
    b"ERR syntax error, WITHSCORES not supported in combination with BYLEX")
STATUS_TEXTS[ERROR_ZADD_NX_XX] = b"ERR XX and NX options at the same time are not compatible"
STATUS_TEXTS[ERROR_ZADD_GT_LT_NX] = (
    b"ERR GT, LT, and/or NX options at the same time are not compatible")
STATUS_TEXTS[ERROR_ZADD_INCR] = b"ERR INCR option supports a single increment-element pair"
STATUS_TEXTS[ERROR_WEIGHT] = b"ERR weight value is not a float"
STATUS_TEXTS[ERROR_COUNT_POSITIVE] = b"ERR count should be greater than 0"
STATUS_TEXTS[ERROR_GEO_UNIT] = b"ERR unsupported unit provided. please use M, KM, FT, MI"
STATUS_TEXTS[ERROR_GEO_RADIUS] = b"ERR need numeric radius"
STATUS_TEXTS[ERROR_GEO_RADIUS_NEGATIVE] = b"ERR radius cannot be negative"
STATUS_TEXTS[ERROR_GEO_WIDTH] = b"ERR need numeric width"
STATUS_TEXTS[ERROR_GEO_HEIGHT] = b"ERR need numeric height"
STATUS_TEXTS[ERROR_GEO_BOX_NEGATIVE] = b"ERR height or width cannot be negative"
STATUS_TEXTS[ERROR_GEO_MEMBER] = b"ERR could not decode requested zset member"
STATUS_TEXTS[ERROR_GEO_COUNT] = b"ERR COUNT must be > 0"
STATUS_TEXTS[ERROR_GEO_ANY] = b"ERR the ANY argument requires COUNT argument"
STATUS_TEXTS[ERROR_GEO_STORE_WITH] = (
    b"ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
STATUS_TEXTS[ERROR_GEO_RADIUS_STORE_WITH] = (
    b"ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD "
    b"options")
STATUS_TEXTS[ERROR_WRONG_TYPE] = (
    b"WRONGTYPE Operation against a key holding the wrong kind of value")
STATUS_TEXTS[ERROR_NO_KEY] = b"ERR no such key"
STATUS_TEXTS[ERROR_SAME_OBJECT] = b"ERR source and destination objects are the same"
STATUS_TEXTS[ERROR_OUT_OF_RANGE] = b"ERR value is out of range"
STATUS_TEXTS[ERROR_INDEX_OUT_OF_RANGE] = b"ERR index out of range"
STATUS_TEXTS[ERROR_OFFSET_OUT_OF_RANGE] = b"ERR offset is out of range"
STATUS_TEXTS[ERROR_POSITIVE] = b"ERR value is out of range, must be positive"
STATUS_TEXTS[ERROR_DB_INDEX] = b"ERR DB index is out of range"
STATUS_TEXTS[ERROR_NOT_INT32] = (
    b"ERR value is out of range, value must between -2147483648 and 2147483647")
STATUS_TEXTS[ERROR_OVERFLOW] = b"ERR increment or decrement would overflow"
STATUS_TEXTS[ERROR_DECREMENT] = b"ERR decrement would overflow"
STATUS_TEXTS[ERROR_NAN_OR_INFINITY] = b"ERR increment would produce NaN or Infinity"
STATUS_TEXTS[ERROR_STRING_TOO_LONG] = (
    b"ERR string exceeds maximum allowed size (proto-max-bulk-len)")
STATUS_TEXTS[ERROR_NUMKEYS] = b"ERR invalid numkeys value or out of range"
STATUS_TEXTS[ERROR_NUMKEYS_POSITIVE] = b"ERR numkeys should be greater than 0"
STATUS_TEXTS[ERROR_NUMKEYS_TOO_MANY] = (
    b"ERR Number of keys can't be greater than number of args")
STATUS_TEXTS[ERROR_SORT_SCORE] = b"ERR One or more scores can't be converted into double"
STATUS_TEXTS[ERROR_REPEATS] = b"ERR count is out of range, the reply would exceed 512 MB"
STATUS_TEXTS[ERROR_LIMIT_NEGATIVE] = b"ERR LIMIT can't be negative"
STATUS_TEXTS[ERROR_LONG_RANGE] = (
    b"ERR value is out of range, value must between -9223372036854775807 and "
    b"9223372036854775807")
STATUS_TEXTS[ERROR_CURSOR] = b"ERR invalid cursor"
STATUS_TEXTS[ERROR_NO_AUTH] = b"NOAUTH Authentication required."
STATUS_TEXTS[ERROR_OUT_OF_MEMORY] = (
    b"OOM command not allowed when used memory > 'maxmemory'.")
STATUS_TEXTS[ERROR_PROTOCOL_VERSION] = b"NOPROTO unsupported protocol version"
STATUS_TEXTS[ERROR_NOT_IN_TRANSACTION] = b"ERR Command not allowed inside a transaction"
STATUS_TEXTS[ERROR_EXEC_ABORT] = (
    b"EXECABORT Transaction discarded because of previous errors.")
STATUS_TEXTS[ERROR_EXEC_WITHOUT_MULTI] = b"ERR EXEC without MULTI"
STATUS_TEXTS[ERROR_DISCARD_WITHOUT_MULTI] = b"ERR DISCARD without MULTI"
STATUS_TEXTS[ERROR_NESTED_MULTI] = b"ERR MULTI calls can not be nested"
STATUS_TEXTS[ERROR_WATCH_INSIDE_MULTI] = b"ERR WATCH inside MULTI is not allowed"
STATUS_TEXTS[ERROR_BIT_OFFSET] = b"ERR bit offset is not an integer or out of range"
STATUS_TEXTS[ERROR_BIT] = b"ERR bit is not an integer or out of range"
STATUS_TEXTS[ERROR_BITPOS_BIT] = b"ERR The bit argument must be 1 or 0."
STATUS_TEXTS[ERROR_BITOP_NOT] = b"ERR BITOP NOT must be called with a single source key."
STATUS_TEXTS[ERROR_BITFIELD_TYPE] = (
    b"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
    b"is.")
STATUS_TEXTS[ERROR_BITFIELD_OVERFLOW] = b"ERR Invalid OVERFLOW type specified"
STATUS_TEXTS[ERROR_BITFIELD_READONLY] = b"ERR BITFIELD_RO only supports the GET subcommand"
STATUS_TEXTS[ERROR_HLL_TYPE] = b"WRONGTYPE Key is not a valid HyperLogLog string value."
STATUS_TEXTS[ERROR_HLL_CORRUPT] = b"INVALIDOBJ Corrupted HLL object detected"
STATUS_TEXTS[ERROR_HLL_NO_KEY] = b"ERR The specified key does not exist"
STATUS_TEXTS[ERROR_HLL_NOT_SPARSE] = b"ERR HLL encoding is not sparse"
STATUS_TEXTS[ERROR_HLL_SIMD] = b"ERR Argument must be ON or OFF"
STATUS_TEXTS[ERROR_NOT_LISTPACK] = b"ERR Not a listpack encoded object."
STATUS_TEXTS[ERROR_NOT_QUICKLIST] = b"ERR Not a quicklist encoded object."
STATUS_TEXTS[ERROR_NOT_TABLE] = (
    b"ERR The value stored at the specified key is not represented using an hash table")
STATUS_TEXTS[ERROR_NOT_SDS] = b"ERR Not an sds encoded string."
STATUS_TEXTS[ERROR_DATABASE_RANGE] = b"ERR Out of range database"
STATUS_TEXTS[ERROR_HLL_SELF_TEST] = b"TESTFAILED HyperLogLog computes wrong on this machine"
STATUS_TEXTS[ERROR_LCS_TYPE] = b"ERR The specified keys must contain string values"
STATUS_TEXTS[ERROR_LCS_LEN_AND_IDX] = (
    b"ERR If you want both the length and indexes, please just use IDX.")
STATUS_TEXTS[ERROR_LCS_TOO_LONG] = b"ERR String too long for LCS"
STATUS_TEXTS[ERROR_LCS_TOO_BIG] = (
    b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
STATUS_TEXTS[ERROR_LCS_NO_MEMORY] = (
    b"ERR Insufficient memory, failed allocating transient memory for LCS")
STATUS_TEXTS[ERROR_NX_COMBINED] = (
    b"ERR NX and XX, GT or LT options at the same time are not compatible")
STATUS_TEXTS[ERROR_GT_AND_LT] = b"ERR GT and LT options at the same time are not compatible"
STATUS_TEXTS[ERROR_SCAN_NOVALUES] = b"ERR NOVALUES option can only be used in HSCAN"
STATUS_TEXTS[ERROR_HASH_NOT_INTEGER] = b"ERR hash value is not an integer"
STATUS_TEXTS[ERROR_HASH_NOT_FLOAT] = b"ERR hash value is not a float"
STATUS_TEXTS[ERROR_INFINITE] = b"ERR value is NaN or Infinity"
STATUS_TEXTS[ERROR_FIELDS_MISSING] = (
    b"ERR Mandatory argument FIELDS is missing or not at the right position")
STATUS_TEXTS[ERROR_FIELDS_COUNT] = (
    b"ERR The `numfields` parameter must match the number of arguments")
STATUS_TEXTS[ERROR_FIELDS_ABOVE_0] = b"ERR Parameter `numFields` should be greater than 0"
STATUS_TEXTS[ERROR_FIELDS_POSITIVE] = b"ERR Number of fields must be a positive integer"
STATUS_TEXTS[ERROR_FIELDS_INVALID] = b"ERR invalid number of fields"
STATUS_TEXTS[ERROR_FIELD_DUE_NEGATIVE] = b"ERR invalid expire time, must be >= 0"
STATUS_TEXTS[ERROR_FXX_AND_FNX] = b"ERR Only one of FXX or FNX arguments can be specified"
STATUS_TEXTS[ERROR_ONE_FIELD_DUE] = (
    b"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
STATUS_TEXTS[ERROR_NOT_LFU] = (
    b"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    b"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
STATUS_TEXTS[ERROR_IS_LFU] = (
    b"ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that "
    b"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
STATUS_TEXTS[ERROR_FIRST_DB_INDEX] = b"ERR invalid first DB index"
STATUS_TEXTS[ERROR_SECOND_DB_INDEX] = b"ERR invalid second DB index"
STATUS_TEXTS[ERROR_BUSY_KEY] = b"BUSYKEY Target key name already exists."
STATUS_TEXTS[ERROR_RESTORE_TTL] = b"ERR Invalid TTL value, must be >= 0"
STATUS_TEXTS[ERROR_RESTORE_IDLE_TIME] = b"ERR Invalid IDLETIME value, must be >= 0"
STATUS_TEXTS[ERROR_RESTORE_FREQUENCY] = b"ERR Invalid FREQ value, must be >= 0 and <= 255"
STATUS_TEXTS[ERROR_PAYLOAD] = b"ERR DUMP payload version or checksum are wrong"
STATUS_TEXTS[ERROR_BAD_DATA] = b"ERR Bad data format"
STATUS_TEXTS[ERROR_WAIT_LOCAL] = b"ERR value is out of range, value must between 0 and 1"
STATUS_TEXTS[ERROR_WAIT_NO_AOF] = (
    b"ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
STATUS_TEXTS[ERROR_UNBLOCKED] = b"UNBLOCKED client unblocked via CLIENT UNBLOCK"
STATUS_TEXTS[ERROR_UNBLOCK_REASON] = b"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
STATUS_TEXTS[ERROR_MIGRATE_KEY] = (
    b"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
STATUS_TEXTS[ERROR_MIGRATE_CONNECT] = b"IOERR error or timeout connecting to the client"
STATUS_TEXTS[ERROR_MIGRATE_WRITE] = b"IOERR error or timeout writing to target instance"
STATUS_TEXTS[ERROR_MIGRATE_READ] = b"IOERR error or timeout reading to target instance"
STATUS_TEXTS[ERROR_MIGRATE_CHANGED] = (
    b"ERR Some keys changed while they were transferred: they stay as they are now, and the target "
    b"has what they were before")

STATUS_TEXTS[ERROR_EXEC_ABORT_ARITY] = (
    b"EXECABORT Transaction discarded because of: "
    b"wrong number of arguments for 'exec' command")
STATUS_TEXTS[ERROR_EXEC_ABORT_NO_AUTH] = (
    b"EXECABORT Transaction discarded because of: NOAUTH Authentication required.")
STATUS_TEXTS[ERROR_EXEC_ABORT_OUT_OF_MEMORY] = (
    b"EXECABORT Transaction discarded because of: "
    b"OOM command not allowed when used memory > 'maxmemory'.")
STATUS_TEXTS[ERROR_WRONG_PASSWORD] = (
    b"WRONGPASS invalid username-password pair or user is disabled.")
STATUS_TEXTS[ERROR_NO_PASSWORD_SET] = (
    b"ERR AUTH <password> called without any password configured for the default user. "
    b"Are you sure your configuration is correct?")
STATUS_TEXTS[ERROR_HELLO_NO_AUTH] = (
    b"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    b"<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
    b"RESP protocol version at the same time")
STATUS_TEXTS[ERROR_HELLO_VERSION] = b"ERR Protocol version is not an integer or out of range"
STATUS_TEXTS[ERROR_CLIENT_NAME] = (
    b"ERR Client names cannot contain spaces, newlines or special characters.")
STATUS_TEXTS[ERROR_CLIENT_MISSING] = b"ERR No such client"
STATUS_TEXTS[ERROR_CLIENT_ID] = b"ERR Invalid client ID"
STATUS_TEXTS[ERROR_CLIENT_ID_POSITIVE] = b"ERR client-id should be greater than 0"
STATUS_TEXTS[ERROR_MAX_AGE] = b"ERR maxage is not an integer or out of range"
STATUS_TEXTS[ERROR_MAX_AGE_POSITIVE] = b"ERR maxage should be greater than 0"
STATUS_TEXTS[ERROR_NOT_NEGATABLE] = (
    b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
STATUS_TEXTS[ERROR_RANK_ZERO] = (
    b"ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
    b"or use negative to start from the end of the list")
STATUS_TEXTS[ERROR_COUNT_NEGATIVE] = b"ERR COUNT can't be negative"
STATUS_TEXTS[ERROR_MAXLEN_NEGATIVE] = b"ERR MAXLEN can't be negative"
STATUS_TEXTS[ERROR_TIMEOUT_NOT_INTEGER] = b"ERR timeout is not an integer or out of range"
STATUS_TEXTS[ERROR_TIMEOUT_NOT_FLOAT] = b"ERR timeout is not a float or out of range"
STATUS_TEXTS[ERROR_TIMEOUT_NEGATIVE] = b"ERR timeout is negative"
STATUS_TEXTS[ERROR_TIMEOUT_RANGE] = b"ERR timeout is out of range"
STATUS_TEXTS[ERROR_PAUSE_MODE] = b"ERR CLIENT PAUSE mode must be WRITE or ALL"
STATUS_TEXTS[ERROR_COMMAND_INVALID] = b"ERR Invalid command specified"
STATUS_TEXTS[ERROR_COMMAND_NO_KEYS] = b"ERR The command has no key arguments"
STATUS_TEXTS[ERROR_COMMAND_ARITY] = b"ERR Invalid number of arguments specified for command"
STATUS_TEXTS[ERROR_COMMAND_ARGUMENTS] = b"ERR Invalid arguments specified for command"

STATUS_TEXTS[ERROR_SLOWLOG_COUNT] = b"ERR count should be greater than or equal to -1"
STATUS_TEXTS[ERROR_PROTOCOL_TYPE] = (
    b"ERR Wrong protocol type name. Please use one of the following: string|integer|double|"
    b"bignum|null|array|set|map|attrib|push|verbatim|true|false")
STATUS_TEXTS[ERROR_PUSH_NEEDS_RESP3] = b"ERR RESP2 is not supported by this command"
STATUS_TEXTS[ERROR_PACKED_THRESHOLD] = (
    b"ERR argument must be a memory value bigger than 1 and smaller than 4gb")
STATUS_TEXTS[ERROR_MODULE_LOAD] = (
    b"ERR Error loading the extension. Please check the server logs.")
STATUS_TEXTS[ERROR_MODULE_UNLOAD] = (
    b"ERR Error unloading module: no such module with that name")

STATUS_TEXTS[ERROR_STREAM_ID] = b"ERR Invalid stream ID specified as stream command argument"
STATUS_TEXTS[ERROR_STREAM_START] = b"ERR invalid start ID for the interval"
STATUS_TEXTS[ERROR_STREAM_END] = b"ERR invalid end ID for the interval"
STATUS_TEXTS[ERROR_STREAM_ZERO_ID] = b"ERR The ID specified in XADD must be greater than 0-0"
STATUS_TEXTS[ERROR_STREAM_SMALL_ID] = (
    b"ERR The ID specified in XADD is equal or smaller than the target stream top item")
STATUS_TEXTS[ERROR_STREAM_EXHAUSTED] = (
    b"ERR The stream has exhausted the last possible ID, unable to add more items")
STATUS_TEXTS[ERROR_STREAM_TOO_LARGE] = b"ERR Elements are too large to be stored"
STATUS_TEXTS[ERROR_TRIM_MAXLEN] = b"ERR The MAXLEN argument must be >= 0."
STATUS_TEXTS[ERROR_TRIM_LIMIT] = b"ERR The LIMIT argument must be >= 0."
STATUS_TEXTS[ERROR_TRIM_BOTH] = (
    b"ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
STATUS_TEXTS[ERROR_TRIM_NONE] = b"ERR syntax error, XTRIM must be called with a trimming strategy"
STATUS_TEXTS[ERROR_TRIM_LIMIT_ALONE] = (
    b"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
STATUS_TEXTS[ERROR_TRIM_LIMIT_EXACT] = (
    b"ERR syntax error, LIMIT cannot be used without the special ~ option")
STATUS_TEXTS[ERROR_XSETID_ADDED] = b"ERR entries_added must be positive"
STATUS_TEXTS[ERROR_XSETID_GIVEN_DELETED] = (
    b"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
STATUS_TEXTS[ERROR_XSETID_DELETED] = (
    b"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
STATUS_TEXTS[ERROR_XSETID_TOP] = (
    b"ERR The ID specified in XSETID is smaller than the target stream top item")
STATUS_TEXTS[ERROR_XSETID_LENGTH] = (
    b"ERR The entries_added specified in XSETID is smaller than the target stream length")
STATUS_TEXTS[ERROR_XREAD_GROUP] = (
    b"ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
STATUS_TEXTS[ERROR_XREAD_NOACK] = (
    b"ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
STATUS_TEXTS[ERROR_XREAD_NEW] = (
    b"ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
    b"<consumer> option.")
STATUS_TEXTS[ERROR_XREAD_UNBALANCED] = (
    b"ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be "
    b"specified.")
STATUS_TEXTS[ERROR_XREADGROUP_UNBALANCED] = (
    b"ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
    b"specified.")
STATUS_TEXTS[ERROR_XREADGROUP_NO_GROUP] = b"ERR Missing GROUP option for XREADGROUP"
STATUS_TEXTS[ERROR_XREADGROUP_LAST] = (
    b"ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history "
    b"of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ "
    b"ID would just return an empty result set.")
STATUS_TEXTS[ERROR_XREADGROUP_PLUS] = (
    b"ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history "
    b"of this consumer by specifying a proper ID, or use the > ID to get new messages. The + "
    b"ID would just return an empty result set.")
STATUS_TEXTS[ERROR_XGROUP_NO_KEY] = (
    b"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want "
    b"to use the MKSTREAM option to create an empty stream automatically.")
STATUS_TEXTS[ERROR_XGROUP_READ] = b"ERR value for ENTRIESREAD must be positive or -1"
STATUS_TEXTS[ERROR_BUSY_GROUP] = b"BUSYGROUP Consumer Group name already exists"
STATUS_TEXTS[ERROR_XCLAIM_MIN_IDLE] = b"ERR Invalid min-idle-time argument for XCLAIM"
STATUS_TEXTS[ERROR_XAUTOCLAIM_MIN_IDLE] = b"ERR Invalid min-idle-time argument for XAUTOCLAIM"
STATUS_TEXTS[ERROR_XCLAIM_IDLE] = b"ERR Invalid IDLE option argument for XCLAIM"
STATUS_TEXTS[ERROR_XCLAIM_TIME] = b"ERR Invalid TIME option argument for XCLAIM"
STATUS_TEXTS[ERROR_XCLAIM_RETRY_COUNT] = b"ERR Invalid RETRYCOUNT option argument for XCLAIM"
STATUS_TEXTS[ERROR_XAUTOCLAIM_COUNT] = b"ERR COUNT must be > 0"

# Sent before there is a session.
cdef const char *REFUSED_MAX_CLIENTS = b"-ERR max number of clients reached\r\n"
cdef const char *REFUSED_PROTECTED = (
    b"-DENIED fastredis runs in protected mode: no password is set for the default user and no "
    b"bind address is given, so only clients on this machine are served. To serve others, set a "
    b"password (requirepass), or bind to the address you mean, or, if the network is trusted, "
    b"turn it off with CONFIG SET protected-mode no from this machine.\r\n")

cdef enum:
    ERROR_TEXT_MAX = 512
    SIX_DECIMALS_MAX = 352       # a double of 309 digits with six decimals


cdef void error_count(const char *text, size_t length) noexcept nogil:
    """Count an error reply under its code, the first word of the text."""
    cdef const char *blank = <const char *>memchr(text, c' ', length)
    cdef size_t size = blank - text if blank != NULL else length
    cdef ErrorCode *counted
    cdef int i
    if size >= ERROR_CODE_MAX:
        size = ERROR_CODE_MAX - 1
    state.stats.errors += 1
    for i in range(state.error_code_count):
        counted = &state.error_codes[i]
        if counted.code[size] == 0 and memcmp(counted.code, text, size) == 0:
            counted.count += 1
            return
    if state.error_code_count == ERROR_CODES_MAX:
        state.error_codes[ERROR_CODES_MAX - 1].count += 1
        return
    counted = &state.error_codes[state.error_code_count]
    memset(counted.code, 0, ERROR_CODE_MAX)
    memcpy(counted.code, text, size)
    counted.count = 1
    state.error_code_count += 1


cdef void error_raw(Call *call, const char *text, size_t length) noexcept nogil:
    """Send an error whose text is complete."""
    call.row.failed += 1
    error_count(text, length)
    reply_error(call.out, text, length)


cdef void error_text(Call *call, const char *text) noexcept nogil:
    error_raw(call, text, strlen(text))


cdef void error_reply(Call *call, Status status) noexcept nogil:
    error_text(call, STATUS_TEXTS[status])


cdef void error_named(Call *call, const char *before, const char *data, size_t length,
                      const char *behind) noexcept nogil:
    """Send `before`, the data up to a NUL, `behind`. The data is told whole: it is never longer
    than what the client has sent. Line ends at the end of the text are left out."""
    cdef char short_text[ERROR_TEXT_MAX]
    cdef char *text = short_text
    cdef size_t first = strlen(before), last = strlen(behind)
    cdef size_t size
    cdef const char *end = <const char *>memchr(data, 0, length)
    if end != NULL:
        length = end - data
    while last == 0 and length and data[length - 1] in (c'\r', c'\n'):
        length -= 1
    size = first + length + last
    if size > sizeof(short_text):
        text = <char *>alloc_new(size)
    memcpy(text, before, first)
    memcpy(text + first, data, length)
    memcpy(text + first + length, behind, last)
    error_raw(call, text, size)
    if text != short_text:
        alloc_free(text, size)


cdef void error_client_type(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR Unknown client type '", given.data, given.length, b"'")


cdef void error_client_user(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR No such user '", given.data, given.length, b"'")


cdef void error_client_attribute(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR Unrecognized option '", given.data, given.length, b"'")


cdef void error_client_attribute_value(Call *call, slice attribute) noexcept nogil:
    error_named(call, b"ERR ", attribute.data, attribute.length,
                b" cannot contain spaces, newlines or special characters.")


cdef void error_hello_option(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR Syntax error in HELLO option '", given.data, given.length, b"'")


cdef size_t length_to_nul(slice text) noexcept nogil:
    """How much of a text a zero-terminated copy of it holds."""
    cdef const char *end = <const char *>memchr(text.data, 0, text.length)
    return text.length if end == NULL else end - text.data


cdef void _error_two_named(Call *call, const char *before, slice first, const char *between,
                           slice second, const char *behind) noexcept nogil:
    """As error_named, with two names."""
    cdef size_t a = strlen(before), b = length_to_nul(first), c = strlen(between)
    cdef char *head = <char *>alloc_new(a + b + c + 1)
    memcpy(head, before, a)
    memcpy(head + a, first.data, b)
    memcpy(head + a + b, between, c + 1)
    error_named(call, head, second.data, second.length, behind)
    alloc_free(head, a + b + c + 1)


cdef void error_no_group(Call *call, slice key, slice group, const char *behind) noexcept nogil:
    """Key or group is missing."""
    _error_two_named(call, b"NOGROUP No such key '", key, b"' or consumer group '", group, behind)


cdef void error_no_group_of_key(Call *call, slice group, slice key) noexcept nogil:
    """The key is there, the group is missing."""
    _error_two_named(call, b"NOGROUP No such consumer group '", group, b"' for key name '", key,
                     b"'")


cdef void error_xclaim_option(Call *call, slice option) noexcept nogil:
    error_named(call, b"ERR Unrecognized XCLAIM option '", option.data, option.length, b"'")


cdef void error_arity(Call *call) noexcept nogil:
    error_named(call, b"ERR wrong number of arguments for '", call.row.name,
                strlen(call.row.name), b"' command")


cdef void error_no_input_keys(Call *call) noexcept nogil:
    """numkeys is not positive."""
    error_named(call, b"ERR at least 1 input key is needed for '", call.row.name,
                strlen(call.row.name), b"' command")


cdef void error_geo_choice(Call *call, const char *options) noexcept nogil:
    """Neither of two options is there."""
    cdef char text[ERROR_TEXT_MAX]
    cdef slice name = call.argv[0]
    error_raw(call, text, snprintf(text, ERROR_TEXT_MAX,
                                   b"ERR exactly one of %s can be specified for %.*s", options,
                                   <int>min(name.length, 128), name.data))


cdef int _six_decimals(char *text, double value) noexcept nogil:
    """Write a double with six decimals, "inf" or "-inf"; the length."""
    cdef int size = snprintf(text, SIX_DECIMALS_MAX, b"%f", value)
    if c'0' <= text[size - 1] <= c'9':
        text[size - 7] = c'.'    # whatever the locale of the process says
    return size


cdef void error_geo_point(Call *call, double longitude, double latitude) noexcept nogil:
    """A place outside of what geohash.h has cells for."""
    cdef char text[2 * SIX_DECIMALS_MAX + 64]
    cdef char first[SIX_DECIMALS_MAX]
    cdef char second[SIX_DECIMALS_MAX]
    cdef int first_size = _six_decimals(first, longitude)
    cdef int second_size = _six_decimals(second, latitude)
    error_raw(call, text, snprintf(
        text, sizeof(text), b"ERR invalid longitude,latitude pair %.*s,%.*s", first_size, first,
        second_size, second))


cdef void error_expire(Call *call) noexcept nogil:
    error_named(call, b"ERR invalid expire time in '", call.row.name, strlen(call.row.name),
                b"' command")


cdef void error_unknown_argument(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR unknown argument: ", given.data, given.length, b"")


cdef void error_unsupported_option(Call *call, slice option) noexcept nogil:
    error_named(call, b"ERR Unsupported option ", option.data, option.length, b"")


cdef void _error_try_help(Call *call, const char *format) noexcept nogil:
    """`format` takes the given subcommand and the container's name, in capitals as in manuals.

    The name is the one that the client has used: the configuration may have changed it.
    """
    cdef char text[ERROR_TEXT_MAX]
    cdef char container[64]
    cdef const char *name = call.argv[0].data
    cdef size_t i, length = min(call.argv[0].length, sizeof(container) - 1)
    cdef slice given = call.argv[1]
    for i in range(length):
        container[i] = name[i] - 32 if c'a' <= name[i] <= c'z' else name[i]
    container[length] = 0
    cdef int size = snprintf(text, ERROR_TEXT_MAX, format, <int>min(given.length, 128),
                             given.data, container)
    error_raw(call, text, size)


cdef void error_subcommand(Call *call) noexcept nogil:
    """Unknown subcommand of the container in call.row."""
    _error_try_help(call, b"ERR unknown subcommand '%.*s'. Try %s HELP.")


cdef void error_subcommand_arguments(Call *call) noexcept nogil:
    """Too many arguments for a subcommand whose arity is open."""
    _error_try_help(
        call, b"ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.")


cdef void error_unknown_command(Call *call) noexcept nogil:
    """Unknown command, with the beginnings of its arguments."""
    cdef char text[ERROR_TEXT_MAX]
    cdef int size, i, room
    cdef slice argument = call.argv[0]
    size = snprintf(text, ERROR_TEXT_MAX,
                    b"ERR unknown command '%.*s', with args beginning with: ",
                    <int>min(argument.length, 128), argument.data)
    cdef int head = size
    for i in range(1, call.argc):
        if size - head >= 128:
            break
        argument = call.argv[i]
        room = 128 - (size - head)
        size += snprintf(text + size, ERROR_TEXT_MAX - size, b"'%.*s' ",
                         <int>min(argument.length, <size_t>room), argument.data)
    call.row.failed += 1
    error_count(text, size)
    reply_error(call.out, text, size)


cdef void error_protected(Call *call, const char *command, const char *directive) noexcept nogil:
    cdef char text[ERROR_TEXT_MAX]
    cdef int size = snprintf(
        text, ERROR_TEXT_MAX,
        b"ERR %s command not allowed. Start the server with %s set to \"local\" to permit it to "
        b"clients of this machine, or to \"yes\" to permit it to all.", command, directive)
    error_raw(call, text, size)


cdef void error_migrate_target(Call *call, slice told) noexcept nogil:
    """What the target of MIGRATE has answered, without its '-'."""
    cdef char text[ERROR_TEXT_MAX]
    cdef int size = snprintf(text, ERROR_TEXT_MAX, b"ERR Target instance replied with error: %.*s",
                             <int>min(told.length, ERROR_TEXT_MAX - 64), told.data)
    error_raw(call, text, size)


cdef void error_pfdebug(Call *call, slice given) noexcept nogil:
    error_named(call, b"ERR Unknown PFDEBUG subcommand '", given.data, given.length, b"'")


cdef void error_debug(Call *call) noexcept nogil:
    error_named(call, b"ERR unknown subcommand or wrong number of arguments for '",
                call.argv[1].data, min(call.argv[1].length, <size_t>128), b"'. Try DEBUG HELP.")


cdef const char *protocol_error_text(resp_status status) noexcept nogil:
    """What a client whose stream cannot be parsed is told before it is cut off."""
    if status == RESP_ERROR_INLINE_TOO_BIG:
        return b"ERR Protocol error: too big inline request"
    if status == RESP_ERROR_UNBALANCED_QUOTES:
        return b"ERR Protocol error: unbalanced quotes in request"
    if status == RESP_ERROR_COUNT_TOO_BIG:
        return b"ERR Protocol error: too big mbulk count string"
    if status == RESP_ERROR_COUNT_INVALID:
        return b"ERR Protocol error: invalid multibulk length"
    if status == RESP_ERROR_COUNT_UNAUTHENTICATED:
        return b"ERR Protocol error: unauthenticated multibulk length"
    if status == RESP_ERROR_BULK_TOO_BIG:
        return b"ERR Protocol error: too big bulk count string"
    if status == RESP_ERROR_BULK_UNAUTHENTICATED:
        return b"ERR Protocol error: unauthenticated bulk length"
    if status == RESP_ERROR_BULK_UNTERMINATED:
        return b"ERR Protocol error: invalid bulk terminator"
    if status == RESP_ERROR_BULK_EXPECTED:
        return b"ERR Protocol error: expected '$', got '%c'"
    return b"ERR Protocol error: invalid bulk length"
