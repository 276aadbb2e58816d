/* geohash: places on the globe as 52-bit numbers, and the search for those near a point.
 *
 * The plane of longitude and latitude is halved again and again, by turns, 26 times each way. The
 * bits of both halvings are interleaved, so that places with equal leading bits lie in one cell,
 * and a cell is one run of numbers. A sorted set whose scores are such numbers finds the places of
 * a cell as a range of scores. 52 bits are what a double holds exactly.
 *
 *   bit     51   50   49   48          1    0
 *         +----+----+----+----+-  - +----+----+
 *         |lon |lat |lon |lat | ... |lon |lat |      longitude -180 .. 180
 *         +----+----+----+----+-  - +----+----+      latitude  -85.05112878 .. 85.05112878
 *
 * A search picks the cell size by the radius, so that the nine cells around the center cover the
 * shape, drops cells that the shape's bounding box does not reach, and looks at each member of the
 * rest. The order of the cells is part of what clients see, as results come in it:
 *
 *        7 NW | 3 N... |      center, north, south, east, west,
 *        -----+--------       north-east, north-west, south-east, south-west
 *
 * Results equal those of real servers to the last bit, so the floating point operations and their
 * order here are not free: do not simplify an expression without the test of recorded answers.
 * (Build without fused multiply-add, which rounds once instead of twice.) The edges too are theirs:
 * longitude 180 and latitude 85.05112878 lie one cell beyond the last one, and get a number of 53
 * or 54 bits, which a search never finds; any score is a place, after the conversion to 64 bits
 * that x86 processors make.
 *
 * Degrees and meters; the globe is a sphere of 6372797.560856 m. Nothing is allocated or kept.
 * Every call is O(1).
 */
#ifndef FASTREDIS_GEOHASH_H
#define FASTREDIS_GEOHASH_H

#include "common.h"

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX 85.05112878

enum {
    GEOHASH_STEPS = 26,       /* halvings each way of a whole number */
    GEOHASH_TEXT_LENGTH = 11, /* characters of geohash_text */
    GEOHASH_CELLS_MAX = 9,
    GEO_DISTANCE_TEXT_MAX = 40, /* bytes of geo_distance_text */
};

typedef struct geo_point {
    double longitude, latitude;
} geo_point;

/* A circle, or a box whose sides run north and east. Lengths are given in a unit. */
typedef struct geo_shape {
    geo_point center;
    bool is_box;
    double radius;        /* of a circle */
    double width, height; /* of a box */
    double unit_m;        /* meters of one unit */
} geo_shape;

/* Scores of one cell: min <= score < max. */
typedef struct geo_cell {
    double min, max;
} geo_cell;

/* Whether a place has a number: what GEOADD takes. */
bool geo_point_is_valid(geo_point point);

/* The score of a valid place. */
double geohash_encode(geo_point point);
/* The middle of the smallest cell of a score, which may be any double but NaN. */
geo_point geohash_decode(double score);

/* The standard text of a place (latitudes from -90 to 90), the last of its 11 characters being '0',
 * as no bits are left for it. Writes GEOHASH_TEXT_LENGTH bytes, no NUL. */
void geohash_text(geo_point point, char *text);

/* Meters between two places, along the sphere. */
double geo_distance_m(geo_point a, geo_point b);

/* A distance of at most 9e14 with four decimals, "166274.1516", rounded half to even as scaled by
 * 10000; writes at most GEO_DISTANCE_TEXT_MAX bytes, returns their number. */
size_t geo_distance_text(char *text, double distance);

/* The cells to be searched for a shape with a valid center, in order; returns their number. Lengths
 * may be anything that is not negative, infinity too. */
size_t geo_shape_cells(const geo_shape *shape, geo_cell cells[GEOHASH_CELLS_MAX]);

/* Whether a place lies within, and its distance from the center. */
bool geo_shape_holds(const geo_shape *shape, geo_point point, double *distance_m);

#endif
