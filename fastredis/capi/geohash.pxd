# geohash.h: places as scores, distances, and the cells of a search.
cdef extern from "geohash.h" nogil:
    enum:
        GEOHASH_TEXT_LENGTH
        GEOHASH_CELLS_MAX
        GEO_DISTANCE_TEXT_MAX
    ctypedef struct geo_point:
        double longitude
        double latitude
    ctypedef struct geo_shape:
        geo_point center
        bint is_box
        double radius
        double width
        double height
        double unit_m
    ctypedef struct geo_cell:
        double min
        double max
    bint geo_point_is_valid(geo_point point)
    double geohash_encode(geo_point point)
    geo_point geohash_decode(double score)
    void geohash_text(geo_point point, char *text)
    double geo_distance_m(geo_point a, geo_point b)
    size_t geo_distance_text(char *text, double distance)
    size_t geo_shape_cells(const geo_shape *shape, geo_cell *cells)
    bint geo_shape_holds(const geo_shape *shape, geo_point point, double *distance_m)
