/* geohash.c - cells, distances and the search plan of geohash.h. */
#include "geohash.h"

#include <math.h>

#include "number.h"

#define EARTH_RADIUS_M 6372797.560856
#define MERCATOR_MAX_M 20037726.37 /* half the equator, as the search plan counts it */
#define DEGREE (M_PI / 180.0)

/* A cell: the numbers of its column and row among 2^steps each way. */
typedef struct cell {
    uint32_t column, row;
} cell;

typedef struct bounds {
    double west, south, east, north;
} bounds;

static ALWAYS_INLINE double radians(double degrees)
{
    return degrees * DEGREE;
}

static ALWAYS_INLINE double degrees(double radians)
{
    return radians / DEGREE;
}

/* ---- numbers ---- */

/* Moves bit i of the value to bit 2i. */
static uint64_t spread(uint32_t value)
{
    uint64_t bits = value;

    bits = (bits | bits << 16) & UINT64_C(0x0000ffff0000ffff);
    bits = (bits | bits << 8) & UINT64_C(0x00ff00ff00ff00ff);
    bits = (bits | bits << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    bits = (bits | bits << 2) & UINT64_C(0x3333333333333333);
    return (bits | bits << 1) & UINT64_C(0x5555555555555555);
}

/* Gathers the even bits. */
static uint32_t gather(uint64_t bits)
{
    bits &= UINT64_C(0x5555555555555555);
    bits = (bits | bits >> 1) & UINT64_C(0x3333333333333333);
    bits = (bits | bits >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    bits = (bits | bits >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    bits = (bits | bits >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(bits | bits >> 16);
}

static ALWAYS_INLINE uint64_t cell_bits(cell place)
{
    return spread(place.row) | spread(place.column) << 1;
}

/* The cell of a place, latitudes running from -latitude_max to latitude_max. */
static cell cell_of(geo_point point, double latitude_max, unsigned steps)
{
    double up = (point.latitude - -latitude_max) / (latitude_max - -latitude_max);
    double across = (point.longitude - -GEO_LONGITUDE_MAX)
                    / (GEO_LONGITUDE_MAX - -GEO_LONGITUDE_MAX);
    double count = (double)(UINT64_C(1) << steps);

    return (cell){(uint32_t)(across * count), (uint32_t)(up * count)};
}

static bounds cell_bounds(cell place, unsigned steps)
{
    double count = (double)(UINT64_C(1) << steps);
    double tall = GEO_LATITUDE_MAX - -GEO_LATITUDE_MAX;
    double wide = GEO_LONGITUDE_MAX - -GEO_LONGITUDE_MAX;

    return (bounds){
        .west = -GEO_LONGITUDE_MAX + (place.column * 1.0 / count) * wide,
        .south = -GEO_LATITUDE_MAX + (place.row * 1.0 / count) * tall,
        .east = -GEO_LONGITUDE_MAX + ((place.column + 1.0) / count) * wide,
        .north = -GEO_LATITUDE_MAX + ((place.row + 1.0) / count) * tall,
    };
}

/* What a conversion of a double to 64 bits without sign gives on x86, where C leaves it open. */
static uint64_t bits_of_score(double score)
{
    if (score >= 0) {
        if (score < 0x1p63)
            return (uint64_t)(int64_t)score;
        return score < 0x1p64 ? (uint64_t)(int64_t)(score - 0x1p63) ^ UINT64_C(1) << 63 : 0;
    }
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : UINT64_C(1) << 63;
}

static double clamp(double value, double limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

bool geo_point_is_valid(geo_point point)
{
    return point.longitude >= -GEO_LONGITUDE_MAX && point.longitude <= GEO_LONGITUDE_MAX
           && point.latitude >= -GEO_LATITUDE_MAX && point.latitude <= GEO_LATITUDE_MAX;
}

double geohash_encode(geo_point point)
{
    return (double)cell_bits(cell_of(point, GEO_LATITUDE_MAX, GEOHASH_STEPS));
}

geo_point geohash_decode(double score)
{
    uint64_t bits = bits_of_score(score);
    bounds box = cell_bounds((cell){gather(bits >> 1), gather(bits)}, GEOHASH_STEPS);

    return (geo_point){
        .longitude = clamp((box.west + box.east) / 2, GEO_LONGITUDE_MAX),
        .latitude = clamp((box.south + box.north) / 2, GEO_LATITUDE_MAX),
    };
}

void geohash_text(geo_point point, char *text)
{
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_bits(cell_of(point, 90, GEOHASH_STEPS));

    for (unsigned i = 0; i < GEOHASH_TEXT_LENGTH - 1; i++)
        text[i] = alphabet[bits >> (2 * GEOHASH_STEPS - 5 * (i + 1)) & 31];
    text[GEOHASH_TEXT_LENGTH - 1] = '0';
}

/* ---- distances ---- */

static double latitude_distance_m(double a, double b)
{
    return EARTH_RADIUS_M * fabs(radians(a) - radians(b));
}

double geo_distance_m(geo_point a, geo_point b)
{
    double across = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    double latitude = radians(a.latitude), other_latitude = radians(b.latitude);
    double up;

    if (across == 0.0)
        return latitude_distance_m(b.latitude, a.latitude);
    up = sin((other_latitude - latitude) / 2);
    return 2.0 * EARTH_RADIUS_M
           * asin(sqrt(up * up + cos(latitude) * cos(other_latitude) * across * across));
}

size_t geo_distance_text(char *text, double distance)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    int64_t scaled = llrint(distance * 10000.0);
    bool negative = scaled < 0;
    uint64_t size = negative ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    size_t length = 0, whole = number_format_uint64(digits, size / 10000);

    if (negative)
        text[length++] = '-';
    memcpy(text + length, digits, whole);
    length += whole;
    text[length++] = '.';
    for (unsigned place = 1000; place; place /= 10)
        text[length++] = (char)('0' + size / place % 10);
    return length;
}

/* ---- shapes ---- */

bool geo_shape_holds(const geo_shape *shape, geo_point point, double *distance_m)
{
    geo_point beside = {shape->center.longitude, point.latitude};

    if (!shape->is_box) {
        *distance_m = geo_distance_m(shape->center, point);
        return *distance_m <= shape->radius * shape->unit_m;
    }
    /* Along the meridian is cheaper to tell than along the parallel. */
    if (latitude_distance_m(point.latitude, shape->center.latitude)
            > shape->height * shape->unit_m / 2
        || geo_distance_m(point, beside) > shape->width * shape->unit_m / 2)
        return false;
    *distance_m = geo_distance_m(shape->center, point);
    return true;
}

static bounds shape_bounds(const geo_shape *shape)
{
    double height = shape->unit_m * (shape->is_box ? shape->height / 2 : shape->radius);
    double width = shape->unit_m * (shape->is_box ? shape->width / 2 : shape->radius);
    double longitude = shape->center.longitude, latitude = shape->center.latitude;
    double up = degrees(height / EARTH_RADIUS_M);
    /* Meridians run together towards the poles: the edge nearer to one spans more degrees. */
    double edge = latitude < 0 ? latitude - up : latitude + up;
    double across = degrees(width / EARTH_RADIUS_M / cos(radians(edge)));

    return (bounds){longitude - across, latitude - up, longitude + across, latitude + up};
}

/* Halvings that leave cells at least as wide as the radius; fewer towards the poles, where cells
 * are narrower than at the equator. */
static unsigned steps_for_radius(double radius_m, double latitude)
{
    int steps = 1;

    if (radius_m == 0)
        return GEOHASH_STEPS;
    while (radius_m < MERCATOR_MAX_M) {
        radius_m *= 2;
        steps++;
    }
    steps -= 2;
    if (latitude > 66 || latitude < -66) {
        steps--;
        if (latitude > 80 || latitude < -80)
            steps--;
    }
    return steps < 1 ? 1 : steps > GEOHASH_STEPS ? GEOHASH_STEPS : (unsigned)steps;
}

/* The neighbour so many columns and rows away; the plane wraps around. */
static cell cell_beside(cell place, int columns, int rows, unsigned steps)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << steps) - 1);

    if (columns)
        place.column = (place.column + (uint32_t)columns) & mask;
    if (rows)
        place.row = (place.row + (uint32_t)rows) & mask;
    return place;
}

/* Whether the shape reaches beyond the outer edge of one of the four neighbours. */
static bool cells_are_too_small(cell center, unsigned steps, const bounds *box)
{
    return cell_bounds(cell_beside(center, 0, 1, steps), steps).north < box->north
           || cell_bounds(cell_beside(center, 0, -1, steps), steps).south > box->south
           || cell_bounds(cell_beside(center, 1, 0, steps), steps).east < box->east
           || cell_bounds(cell_beside(center, -1, 0, steps), steps).west > box->west;
}

/* Columns and rows from the center, in the order of the search. */
static const struct {
    int8_t columns, rows;
} search_order[GEOHASH_CELLS_MAX] = {{0, 0},  {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                     {1, 1},  {-1, 1}, {1, -1}, {-1, -1}};

size_t geo_shape_cells(const geo_shape *shape, geo_cell cells[GEOHASH_CELLS_MAX])
{
    bounds box = shape_bounds(shape), middle;
    double radius_m = shape->is_box
                          ? sqrt((shape->width / 2) * (shape->width / 2)
                                 + (shape->height / 2) * (shape->height / 2))
                          : shape->radius;
    unsigned steps = steps_for_radius(radius_m * shape->unit_m, shape->center.latitude);
    cell center = cell_of(shape->center, GEO_LATITUDE_MAX, steps);
    uint64_t previous = 0;
    size_t count = 0;

    if (steps > 1 && cells_are_too_small(center, steps, &box))
        center = cell_of(shape->center, GEO_LATITUDE_MAX, --steps);
    middle = cell_bounds(center, steps);
    for (unsigned i = 0; i < GEOHASH_CELLS_MAX; i++) {
        int columns = search_order[i].columns, rows = search_order[i].rows;
        uint64_t bits = cell_bits(cell_beside(center, columns, rows, steps));
        unsigned shift = 2 * (GEOHASH_STEPS - steps);

        if (steps >= 2
            && ((rows < 0 && middle.south < box.south) || (rows > 0 && middle.north > box.north)
                || (columns < 0 && middle.west < box.west)
                || (columns > 0 && middle.east > box.east)))
            continue;
        /* With huge cells the neighbours on both sides are one cell; the center is not compared. */
        if (count > 1 && bits == previous)
            continue;
        cells[count++] = (geo_cell){(double)(bits << shift), (double)((bits + 1) << shift)};
        previous = bits;
    }
    return count;
}
