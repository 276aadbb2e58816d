# geo: places on the globe: members of a sorted set whose scores are cells of csrc/geohash.h.
#
#   GEOADD                  ZADD, with the score of a place
#   GEOPOS GEOHASH GEODIST  read scores back as places; any sorted set will do
#   GEOSEARCH and its kin   the members of up to nine ranges of scores, each looked at
#
# A search notes what it finds by rank and fetches the member when it is written: until then 32
# bytes a place are enough, and sorting moves nothing else. Places at equal distance stay in the
# order in which they were found.
#
# Complexity: searches O(log n + N) for N members in the cells, which hold at most about nine times
# what the shape covers, and O(F log F) to sort F found; all others O(1) or O(log n) a member.

cdef enum:
    FOUND_START = 64

ctypedef enum GeoSort:
    GEO_UNSORTED
    GEO_ASCENDING
    GEO_DESCENDING

ctypedef struct GeoFound:
    size_t rank
    size_t order                 # in which it was found
    double score
    double distance_m

ctypedef struct GeoFinds:
    GeoFound *found
    size_t count
    size_t capacity

# Which arguments a search takes: the old commands have their center and radius at fixed places.
ctypedef enum GeoForm:
    GEO_BY_POINT                 # GEORADIUS key longitude latitude radius unit ...
    GEO_BY_MEMBER                # GEORADIUSBYMEMBER key member radius unit ...
    GEO_BY_OPTIONS               # GEOSEARCH key ..., GEOSEARCHSTORE destination key ...

ctypedef struct GeoSearch:
    GeoForm form
    bint may_store               # STORE and STOREDIST are options
    bint stores                  # GEOSEARCHSTORE, whose STOREDIST has no key behind it
    const entry *source          # NULL: there is no such key
    geo_shape shape
    bint has_member, has_point, has_radius, has_box
    bint with_distance, with_hash, with_point
    bint any_of_them             # COUNT n ANY
    int64_t count                # 0: all
    GeoSort sort
    bint has_target
    slice target
    bint store_distance


# ---- arguments ----

cdef bint unit_or_reply(Call *call, slice text, double *unit_m) noexcept nogil:
    if slice_is(text, b"M"):
        unit_m[0] = 1
    elif slice_is(text, b"KM"):
        unit_m[0] = 1000
    elif slice_is(text, b"FT"):
        unit_m[0] = 0.3048
    elif slice_is(text, b"MI"):
        unit_m[0] = 1609.34
    else:
        error_reply(call, ERROR_GEO_UNIT)
        return False
    return True


cdef bint point_or_reply(Call *call, const slice *argv, geo_point *point) noexcept nogil:
    """A longitude and a latitude, both within what has a cell."""
    if not score_or_reply(call, argv[0], &point.longitude):
        return False
    if not score_or_reply(call, argv[1], &point.latitude):
        return False
    if geo_point_is_valid(point[0]):
        return True
    error_geo_point(call, point.longitude, point.latitude)
    return False


cdef bint _length_or_reply(Call *call, slice text, Status status, double *length) noexcept nogil:
    if number_parse_double(text.data, text.length, length):
        return True
    error_reply(call, status)
    return False


cdef bint _radius_or_reply(Call *call, const slice *argv, geo_shape *shape) noexcept nogil:
    """A radius and its unit."""
    if not _length_or_reply(call, argv[0], ERROR_GEO_RADIUS, &shape.radius):
        return False
    if shape.radius < 0:
        error_reply(call, ERROR_GEO_RADIUS_NEGATIVE)
        return False
    return unit_or_reply(call, argv[1], &shape.unit_m)


cdef bint _box_or_reply(Call *call, const slice *argv, geo_shape *shape) noexcept nogil:
    """Width, height and their unit."""
    if not _length_or_reply(call, argv[0], ERROR_GEO_WIDTH, &shape.width):
        return False
    if not _length_or_reply(call, argv[1], ERROR_GEO_HEIGHT, &shape.height):
        return False
    if shape.width < 0 or shape.height < 0:
        error_reply(call, ERROR_GEO_BOX_NEGATIVE)
        return False
    shape.is_box = True
    return unit_or_reply(call, argv[2], &shape.unit_m)


cdef bint _member_or_reply(Call *call, const entry *source, slice member,
                           geo_point *point) noexcept nogil:
    cdef double score
    if not zset_score(source, member, &score):
        error_reply(call, ERROR_GEO_MEMBER)
        return False
    point[0] = geohash_decode(score)
    return True


# ---- members and their places ----

cdef bint _places_or_reply(Call *call, int first) noexcept nogil:
    """Whether the arguments from `first` on are places with members."""
    cdef geo_point point
    cdef int at = first
    while at < call.argc:
        if not point_or_reply(call, call.argv + at, &point):
            return False
        at += 3
    return True


cdef double _place_score(const slice *argv) noexcept nogil:
    """The score of a place that is known to be one."""
    cdef geo_point point
    point.longitude = point.latitude = 0
    number_parse_double(argv[0].data, argv[0].length, &point.longitude)
    number_parse_double(argv[1].data, argv[1].length, &point.latitude)
    return geohash_encode(point)


cdef void _add_places(Call *call, int first, unsigned flags, bint count_changed) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t added = 0, updated = 0
    cdef zset_outcome outcome
    cdef entry *e
    cdef int at = first
    if not sorted_set_or_reply(call, key, (call.argc - first) // 3, call.argv[first + 2],
                               not flags & ZSET_XX, &e):
        return
    while e != NULL and at < call.argc:
        outcome = zset_add(e, call.argv[at + 2], _place_score(call.argv + at), flags, NULL,
                           &state.zsets)
        added += outcome == ZSET_ADDED
        updated += outcome == ZSET_UPDATED
        at += 3
    if added + updated:
        sorted_set_changed(call, key, e, added + updated)
    reply_int(call.out, added + updated if count_changed else added)


cdef void cmd_geoadd(Call *call) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef bint count_changed = False
    cdef unsigned flags = 0
    while True:
        if args_option(&args, b"NX"):
            flags |= ZSET_NX
        elif args_option(&args, b"XX"):
            flags |= ZSET_XX
        elif args_option(&args, b"CH"):
            count_changed = True
        else:
            break
    if (args_left(&args) % 3 or args_left(&args) == 0
            or flags == <unsigned>(ZSET_NX | ZSET_XX)):
        error_reply(call, ERROR_SYNTAX)
        return
    if _places_or_reply(call, args.at):
        _add_places(call, args.at, flags, count_changed)


cdef void _reply_point(reply *out, geo_point point) noexcept nogil:
    reply_array(out, 2)
    reply_double(out, point.longitude)
    reply_double(out, point.latitude)


cdef void cmd_geopos(Call *call) noexcept nogil:
    cdef double score
    cdef entry *e
    cdef int i
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if e != NULL and zset_score(e, call.argv[i], &score):
            _reply_point(call.out, geohash_decode(score))
        else:
            reply_null_array(call.out)


cdef void cmd_geohash(Call *call) noexcept nogil:
    cdef char text[GEOHASH_TEXT_LENGTH]
    cdef double score
    cdef entry *e
    cdef int i
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if e != NULL and zset_score(e, call.argv[i], &score):
            geohash_text(geohash_decode(score), text)
            reply_bulk(call.out, text, GEOHASH_TEXT_LENGTH)
        else:
            reply_null(call.out)


cdef void _reply_distance(reply *out, double distance) noexcept nogil:
    cdef char text[GEO_DISTANCE_TEXT_MAX]
    reply_bulk(out, text, geo_distance_text(text, distance))


cdef void cmd_geodist(Call *call) noexcept nogil:
    cdef double unit_m = 1, score, other_score
    cdef entry *e
    if call.argc > 5:
        error_reply(call, ERROR_SYNTAX)
        return
    if call.argc == 5 and not unit_or_reply(call, call.argv[4], &unit_m):
        return
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    if (e == NULL or not zset_score(e, call.argv[2], &score)
            or not zset_score(e, call.argv[3], &other_score)):
        reply_null(call.out)
        return
    _reply_distance(call.out, geo_distance_m(geohash_decode(score),
                                             geohash_decode(other_score)) / unit_m)


# ---- options of searches ----

cdef bint _search_flag(Args *args, GeoSearch *search) noexcept nogil:
    """Take an option without a value."""
    if (args_flag(args, b"WITHDIST", &search.with_distance)
            or args_flag(args, b"WITHHASH", &search.with_hash)
            or args_flag(args, b"WITHCOORD", &search.with_point)
            or args_flag(args, b"ANY", &search.any_of_them)
            or search.stores and args_flag(args, b"STOREDIST", &search.store_distance)):
        return True
    if args_option(args, b"ASC"):
        search.sort = GEO_ASCENDING
    elif args_option(args, b"DESC"):
        search.sort = GEO_DESCENDING
    elif search.may_store and args_option_with(args, b"STORE", &search.target):
        search.has_target = True
        search.store_distance = False
    elif search.may_store and args_option_with(args, b"STOREDIST", &search.target):
        search.has_target = search.store_distance = True
    else:
        return False
    return True


cdef bint _search_count_or_reply(Call *call, slice text, GeoSearch *search) noexcept nogil:
    if not int_or_reply(call, text, &search.count):
        return False
    if search.count <= 0:
        error_reply(call, ERROR_GEO_COUNT)
        return False
    return True


cdef bint _search_shape_or_reply(Call *call, Args *args, GeoSearch *search) noexcept nogil:
    """Take FROMMEMBER, FROMLONLAT, BYRADIUS or BYBOX with what belongs to it."""
    cdef int left = args_left(args)
    cdef const slice *values = args.argv + args.at + 1
    if search.form == GEO_BY_OPTIONS:
        if left > 1 and not search.has_point and args_option(args, b"FROMMEMBER"):
            args.at += 1
            search.has_member = True
            return search.source == NULL or _member_or_reply(call, search.source, values[0],
                                                             &search.shape.center)
        if left > 2 and not search.has_member and args_option(args, b"FROMLONLAT"):
            args.at += 2
            search.has_point = True
            return point_or_reply(call, values, &search.shape.center)
        if left > 2 and not search.has_box and args_option(args, b"BYRADIUS"):
            args.at += 2
            search.has_radius = True
            return _radius_or_reply(call, values, &search.shape)
        if left > 3 and not search.has_radius and args_option(args, b"BYBOX"):
            args.at += 3
            search.has_box = True
            return _box_or_reply(call, values, &search.shape)
    error_reply(call, ERROR_SYNTAX)
    return False


cdef bint geo_options_or_reply(Call *call, int first, GeoSearch *search) noexcept nogil:
    cdef Args args = args_from(call, first)
    cdef slice text
    while args_left(&args):
        if _search_flag(&args, search):
            continue
        if args_option_with(&args, b"COUNT", &text):
            if not _search_count_or_reply(call, text, search):
                return False
        elif not _search_shape_or_reply(call, &args, search):
            return False
    if search.has_target and (search.with_distance or search.with_hash or search.with_point):
        error_reply(call, ERROR_GEO_STORE_WITH if search.stores else ERROR_GEO_RADIUS_STORE_WITH)
        return False
    if search.form == GEO_BY_OPTIONS:
        if not (search.has_member or search.has_point):
            error_geo_choice(call, b"FROMMEMBER or FROMLONLAT")
            return False
        if not (search.has_radius or search.has_box):
            error_geo_choice(call, b"BYRADIUS and BYBOX")
            return False
    if search.any_of_them and not search.count:
        error_reply(call, ERROR_GEO_ANY)
        return False
    return True


cdef bint _search_or_reply(Call *call, GeoSearch *search) noexcept nogil:
    """Look the source up and read all arguments; search.form and the store flags are set."""
    cdef int key = 2 if search.stores else 1
    cdef const slice *argv = call.argv + key
    cdef entry *e
    if not key_typed_read_or_reply(call, argv[0], ENTRY_ZSET, &e):
        return False
    search.source = e
    if search.form == GEO_BY_POINT:
        return (point_or_reply(call, argv + 1, &search.shape.center)
                and _radius_or_reply(call, argv + 3, &search.shape)
                and geo_options_or_reply(call, key + 5, search))
    if search.form == GEO_BY_MEMBER:
        # Without a source only the options are looked at, for where the result goes.
        if e != NULL and not (_member_or_reply(call, e, argv[1], &search.shape.center)
                              and _radius_or_reply(call, argv + 2, &search.shape)):
            return False
        return geo_options_or_reply(call, key + 4, search)
    if search.stores:
        search.has_target = True
        search.target = call.argv[1]
    return geo_options_or_reply(call, key + 1, search)


# ---- searching ----

cdef void _note(GeoFinds *finds, size_t rank, double score, double distance_m) noexcept nogil:
    cdef GeoFound *found
    cdef size_t capacity
    if finds.count == finds.capacity:
        capacity = finds.capacity * 2 if finds.capacity else FOUND_START
        finds.found = <GeoFound *>alloc_resize(
            finds.found, finds.capacity * sizeof(GeoFound), capacity * sizeof(GeoFound))
        finds.capacity = capacity
    found = &finds.found[finds.count]
    found.rank = rank
    found.order = finds.count
    found.score = score
    found.distance_m = distance_m
    finds.count += 1


cdef void _search_cell(const GeoSearch *search, const geo_cell *cell, size_t limit,
                       GeoFinds *finds) noexcept nogil:
    """Note the members of a cell that lie within the shape, until there are `limit` of them."""
    cdef zset_score_range scores
    cdef zset_iterator iterator
    cdef zset_span span
    cdef slice member
    cdef double score, distance_m
    cdef size_t rank
    scores.min = cell.min
    scores.max = cell.max
    scores.min_exclusive = False
    scores.max_exclusive = True
    span = zset_span_of_scores(search.source, &scores)
    if span.count == 0:
        return
    rank = span.first
    zset_iterate_span(&iterator, search.source, span, False)
    while finds.count < limit and zset_next(&iterator, &member, &score):
        if geo_shape_holds(&search.shape, geohash_decode(score), &distance_m):
            _note(finds, rank, score, distance_m)
        rank += 1


cdef int _compare_ascending(const void *a, const void *b) noexcept nogil:
    cdef const GeoFound *first = <const GeoFound *>a
    cdef const GeoFound *second = <const GeoFound *>b
    if first.distance_m != second.distance_m:
        return -1 if first.distance_m < second.distance_m else 1
    return -1 if first.order < second.order else 1


cdef int _compare_descending(const void *a, const void *b) noexcept nogil:
    cdef const GeoFound *first = <const GeoFound *>a
    cdef const GeoFound *second = <const GeoFound *>b
    if first.distance_m != second.distance_m:
        return -1 if first.distance_m > second.distance_m else 1
    return -1 if first.order < second.order else 1


cdef void _search_all(GeoSearch *search, GeoFinds *finds) noexcept nogil:
    """Find, sort and cut to COUNT."""
    cdef geo_cell cells[GEOHASH_CELLS_MAX]
    cdef size_t limit = search.count if search.any_of_them else SIZE_MAX
    cdef size_t count = geo_shape_cells(&search.shape, cells)
    cdef size_t i
    for i in range(count):
        _search_cell(search, &cells[i], limit, finds)
    # The nearest are meant, unless any will do.
    if search.count and search.sort == GEO_UNSORTED and not search.any_of_them:
        search.sort = GEO_ASCENDING
    if finds.count > 1 and search.sort != GEO_UNSORTED:
        qsort(finds.found, finds.count, sizeof(GeoFound),
              _compare_ascending if search.sort == GEO_ASCENDING else _compare_descending)
    if search.count and finds.count > <size_t>search.count:
        finds.count = search.count


cdef void _list_found(Call *call, const GeoSearch *search, const GeoFinds *finds) noexcept nogil:
    cdef int parts = 1 + search.with_distance + search.with_hash + search.with_point
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef const GeoFound *found
    cdef slice member
    cdef double score
    cdef size_t i
    reply_array(call.out, finds.count)
    for i in range(finds.count):
        found = &finds.found[i]
        zset_at(search.source, found.rank, digits, &member, &score)
        if parts > 1:
            reply_array(call.out, parts)
        reply_bulk(call.out, member.data, member.length)
        if search.with_distance:
            _reply_distance(call.out, found.distance_m / search.shape.unit_m)
        if search.with_hash:
            reply_int(call.out, <int64_t>score)
        if search.with_point:
            _reply_point(call.out, geohash_decode(score))


cdef void _store_found(Call *call, const GeoSearch *search, const GeoFinds *finds) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef const GeoFound *found
    cdef entry *made = NULL
    cdef slice member
    cdef double score
    cdef size_t i
    if finds.count:
        made = sorted_set_result(search.target)
        # sorted_set_store counts one change, Redis here one for each place.
        state.dirty += finds.count - 1
    for i in range(finds.count):
        found = &finds.found[i]
        zset_at(search.source, found.rank, digits, &member, &score)
        if search.store_distance:
            score = found.distance_m / search.shape.unit_m
        zset_add(made, member, score, 0, NULL, &state.zsets)
    sorted_set_store(call, search.target, made)


cdef void search_reply(Call *call, GeoForm form, bint may_store, bint stores) noexcept nogil:
    cdef GeoSearch search
    cdef GeoFinds finds
    memset(&search, 0, sizeof(GeoSearch))
    memset(&finds, 0, sizeof(GeoFinds))
    search.form = form
    search.may_store = may_store
    search.stores = stores
    if not _search_or_reply(call, &search):
        return
    if search.source != NULL:
        _search_all(&search, &finds)
    if search.has_target:
        _store_found(call, &search, &finds)
    else:
        _list_found(call, &search, &finds)
    if finds.capacity:
        alloc_free(finds.found, finds.capacity * sizeof(GeoFound))


cdef void cmd_georadius(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_POINT, True, False)


cdef void cmd_georadius_ro(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_POINT, False, False)


cdef void cmd_georadiusbymember(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_MEMBER, True, False)


cdef void cmd_georadiusbymember_ro(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_MEMBER, False, False)


cdef void cmd_geosearch(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_OPTIONS, False, False)


cdef void cmd_geosearchstore(Call *call) noexcept nogil:
    search_reply(call, GEO_BY_OPTIONS, False, True)


row(b"geoadd", -5, b"write denyoom", b"geo", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_geoadd)
row(b"geodist", -4, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"", cmd_geodist)
row(b"geohash", -2, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"", cmd_geohash)
row(b"geopos", -2, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"", cmd_geopos)
row(b"georadius", -6, b"write denyoom", b"geo", b"",
    b"RO,access index:1 range:0,1,0 ; OW,update keyword:STORE,6 range:0,1,0 ; "
    b"OW,update keyword:STOREDIST,6 range:0,1,0", b"", cmd_georadius)
row(b"georadius_ro", -6, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_georadius_ro)
row(b"georadiusbymember", -5, b"write denyoom", b"geo", b"",
    b"RO,access index:1 range:0,1,0 ; OW,update keyword:STORE,5 range:0,1,0 ; "
    b"OW,update keyword:STOREDIST,5 range:0,1,0", b"", cmd_georadiusbymember)
row(b"georadiusbymember_ro", -5, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_georadiusbymember_ro)
row(b"geosearch", -7, b"readonly", b"geo", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_geosearch)
row(b"geosearchstore", -8, b"write denyoom", b"geo", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 range:0,1,0", b"", cmd_geosearchstore)
