/* Tests of geohash: answers recorded from a real server, and naive oracles: bits one by one, the
 * distance as an angle between vectors, the search as a look at every place there is. */
#include "geohash.h"

#include <math.h>

#include "check.h"

#define EARTH_RADIUS_M 6372797.560856L

static double random_between(check_run *run, double low, double high)
{
    return low + (high - low) * ((double)(check_random(run) >> 11) * 0x1p-53);
}

static double clamp_to(double value, double limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

static geo_point random_point(check_run *run)
{
    return (geo_point){random_between(run, -180, 180), random_between(run, -85.05, 85.05)};
}

/* What Redis 8.0.6 answers to ZSCORE, GEOPOS and GEOHASH after GEOADD. */
static const struct {
    geo_point point;
    double score;
    geo_point middle;
    const char *text;
} recorded[] = {
    {{13.361389, 38.115556}, 3479099956230698, {13.361389338970184, 38.1155563954963},
     "sqc8b49rny0"},
    {{15.087269, 37.502669}, 3479447370796909, {15.087267458438873, 37.50266842333162},
     "sqdtr74hyu0"},
    {{180, 85.05112878}, 13510798882111488, {180, 85.05112878}, "bp05b5048p0"},
    {{-180, -85.05112878}, 0, {-179.99999731779099, -85.05112751263943}, "00bh0hbj200"},
    {{0, 0}, 3377699720527872, {2.682209014892578e-6, 1.2673605809254695e-6}, "s0000000000"},
    {{-0.0, 1e-9}, 3377699720527872, {2.682209014892578e-6, 1.2673605809254695e-6},
     "s0000000000"},
    {{179.9999999, -66.25}, 3025493863349230, {179.99999731779099, -66.25000060483927},
     "pupzpgxczb0"},
    {{-122.4194155, 37.7749295}, 1367859919124776, {-122.41941779851913, 37.774930427219694},
     "9q8yyk8yuv0"},
    {{2.3488, 48.85341}, 3663832752681860, {2.348802387714386, 48.85341085113086},
     "u09tvmqrep0"},
    {{151.2, -33.86}, 3252046264549320, {151.19999796152115, -33.86000036747634},
     "r3gx2eurpq0"},
};

static void test_places_get_the_numbers_of_real_servers(check_run *run)
{
    char text[GEOHASH_TEXT_LENGTH];

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(recorded); i++) {
        geo_point middle = geohash_decode(recorded[i].score);

        CHECK(geo_point_is_valid(recorded[i].point));
        CHECK(geohash_encode(recorded[i].point) == recorded[i].score);
        CHECK(middle.longitude == recorded[i].middle.longitude);
        CHECK(middle.latitude == recorded[i].middle.latitude);
        geohash_text(middle, text);
        CHECK_BYTES(text, sizeof text, recorded[i].text, strlen(recorded[i].text));
    }
}

static void test_distances_are_those_of_real_servers_to_the_last_bit(check_run *run)
{
    static const struct {
        unsigned from, to;
        double distance_m;
        const char *text;
    } distances[] = {
        {0, 1, 1.6627415156960033e+5, "166274.1516"},
        {6, 7, 1.2563635865293957e+7, "12563635.8653"},
        {8, 9, 1.6964349207715593e+7, "16964349.2077"},
        {3, 9, 5.7659391624352485e+6, "5765939.1624"},
        {7, 8, 8.956018806144068e+6, "8956018.8061"},
        {4, 5, 0, "0.0000"},
    };
    char text[GEO_DISTANCE_TEXT_MAX];

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(distances); i++) {
        double distance_m = geo_distance_m(geohash_decode(recorded[distances[i].from].score),
                                           geohash_decode(recorded[distances[i].to].score));

        CHECK(distance_m == distances[i].distance_m);
        CHECK_BYTES(text, geo_distance_text(text, distance_m), distances[i].text,
                    strlen(distances[i].text));
    }
}

static void test_distance_texts_have_four_decimals(check_run *run)
{
    static const struct {
        double distance;
        const char *text;
    } examples[] = {
        {0, "0.0000"}, {0.00004, "0.0000"}, {0.00006, "0.0001"}, {0.5, "0.5000"},
        {9.99995, "10.0000"}, {-1.5, "-1.5000"}, {-0.00001, "0.0000"},
        {1e14, "100000000000000.0000"}, {0.00005, "0.0000"}, {0.00025, "0.0002"},
    };
    char text[GEO_DISTANCE_TEXT_MAX];

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(examples); i++)
        CHECK_BYTES(text, geo_distance_text(text, examples[i].distance), examples[i].text,
                    strlen(examples[i].text));
}

static void test_places_outside_of_the_plane_are_told(check_run *run)
{
    (void)run;
    CHECK(geo_point_is_valid((geo_point){180, 85.05112878}));
    CHECK(geo_point_is_valid((geo_point){-180, -85.05112878}));
    CHECK(!geo_point_is_valid((geo_point){180.0000001, 0}));
    CHECK(!geo_point_is_valid((geo_point){0, 85.0511288}));
    CHECK(!geo_point_is_valid((geo_point){INFINITY, 0}));
    CHECK(!geo_point_is_valid((geo_point){0, -INFINITY}));
    CHECK(!geo_point_is_valid((geo_point){NAN, 0}));
}

/* GEOPOS of Redis 8.0.6 on x86, after ZADD of scores that GEOADD would not give. */
static void test_any_score_is_a_place(check_run *run)
{
    static const struct {
        double score;
        geo_point point;
    } examples[] = {
        {-1, {180, 85.05112878}}, {1.5, {-179.99999731779099, -85.05112497791825}},
        {1e300, {-179.99999731779099, -85.05112751263943}},
        {INFINITY, {-179.99999731779099, -85.05112751263943}},
        {-INFINITY, {180, -85.05112751263943}},
        {4503599627370496, {-179.99999731779099, 85.05112878}},
        {9007199254740991, {179.99999731779099, 85.05112878}}, {1e19, {180, 85.05112878}},
        {1.9e19, {-179.99999731779099, -85.05112751263943}},
        {-1e19, {180, -85.05112751263943}},
    };

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(examples); i++) {
        geo_point point = geohash_decode(examples[i].score);

        CHECK(point.longitude == examples[i].point.longitude);
        CHECK(point.latitude == examples[i].point.latitude);
    }
}

/* Column and row by multiplication, their bits one after the other. */
static uint64_t naive_encode(geo_point point)
{
    uint64_t column = (uint64_t)((point.longitude + 180) / 360 * 0x1p26);
    uint64_t row = (uint64_t)((point.latitude + GEO_LATITUDE_MAX) / (2 * GEO_LATITUDE_MAX)
                              * 0x1p26);
    uint64_t bits = 0;

    for (int bit = 26; bit >= 0; bit--)
        bits = bits << 2 | (column >> bit & 1) << 1 | (row >> bit & 1);
    return bits;
}

static void test_random_places_agree_with_bits_one_by_one(check_run *run)
{
    uint64_t count = check_iterations(run, 200000);

    for (uint64_t i = 0; i < count; i++) {
        geo_point point = random_point(run);
        double score = geohash_encode(point);
        geo_point middle = geohash_decode(score);

        CHECK_INT((uint64_t)score, naive_encode(point));
        CHECK(fabs(middle.longitude - point.longitude) <= 360 / 0x1p27 * 1.0001);
        CHECK(fabs(middle.latitude - point.latitude) <= 2 * GEO_LATITUDE_MAX / 0x1p27 * 1.0001);
        CHECK(geohash_encode(middle) == score);
    }
}

/* The angle between the vectors to both places, from sine and cosine of it: right everywhere. */
static long double naive_distance_m(geo_point a, geo_point b)
{
    long double degree = acosl(-1.0L) / 180, from[3], to[3], across[3];

    for (int i = 0; i < 2; i++) {
        geo_point point = i ? b : a;
        long double *at = i ? to : from, wide = cosl(point.latitude * degree);

        at[0] = wide * cosl(point.longitude * degree);
        at[1] = wide * sinl(point.longitude * degree);
        at[2] = sinl(point.latitude * degree);
    }
    for (int i = 0; i < 3; i++)
        across[i] = from[(i + 1) % 3] * to[(i + 2) % 3] - from[(i + 2) % 3] * to[(i + 1) % 3];
    return EARTH_RADIUS_M
           * atan2l(sqrtl(across[0] * across[0] + across[1] * across[1] + across[2] * across[2]),
                    from[0] * to[0] + from[1] * to[1] + from[2] * to[2]);
}

static void test_distances_agree_with_angles_between_vectors(check_run *run)
{
    uint64_t count = check_iterations(run, 50000);

    for (uint64_t i = 0; i < count; i++) {
        geo_point a = random_point(run), b = random_point(run);
        double distance_m;

        if (check_chance(run, 50)) /* near */
            b = (geo_point){clamp_to(a.longitude + random_between(run, -0.01, 0.01), 180),
                            clamp_to(a.latitude + random_between(run, -0.01, 0.01), 85)};
        if (check_chance(run, 10))
            b.longitude = a.longitude;
        distance_m = geo_distance_m(a, b);
        CHECK(fabsl(distance_m - naive_distance_m(a, b)) < 0.5L);
        CHECK(geo_distance_m(a, a) == 0 && fabs(geo_distance_m(b, a) - distance_m) < 1e-6);
    }
}

static geo_shape random_shape(check_run *run)
{
    static const double units_m[] = {1, 1000, 0.3048, 1609.34};
    geo_shape shape = {.center = random_point(run), .is_box = check_chance(run, 50)};

    /* Beyond this far north or this far around, real servers too leave places out. */
    shape.center.latitude = random_between(run, -60, 60);
    shape.center.longitude = random_between(run, -150, 150);
    shape.unit_m = units_m[check_random_below(run, CHECK_LENGTH(units_m))];
    shape.radius = pow(10, random_between(run, 0, 6)) / shape.unit_m;
    shape.width = pow(10, random_between(run, 0, 6)) / shape.unit_m;
    shape.height = pow(10, random_between(run, 0, 6)) / shape.unit_m;
    return shape;
}

/* A place about as far from the center as the shape reaches. */
static geo_point place_near(check_run *run, const geo_shape *shape)
{
    double reach_m = shape->unit_m * (shape->is_box ? (shape->width + shape->height) / 2
                                                    : shape->radius);
    double degrees = reach_m / 111000 * 1.5;
    double stretch = 1 / cos(shape->center.latitude * M_PI / 180);

    return geohash_decode(geohash_encode((geo_point){
        clamp_to(shape->center.longitude + random_between(run, -degrees, degrees) * stretch, 180),
        clamp_to(shape->center.latitude + random_between(run, -degrees, degrees), 85)}));
}

static void test_cells_hold_every_place_within_the_shape(check_run *run)
{
    uint64_t count = check_iterations(run, 3000), inside = 0;

    for (uint64_t i = 0; i < count; i++) {
        geo_shape shape = random_shape(run);
        geo_cell cells[GEOHASH_CELLS_MAX];
        size_t cell_count = geo_shape_cells(&shape, cells);

        CHECK(cell_count >= 1 && cell_count <= GEOHASH_CELLS_MAX);
        for (size_t j = 0; j < cell_count; j++)
            CHECK(cells[j].min < cells[j].max && cells[j].max <= 0x1p52);
        for (int j = 0; j < 40; j++) {
            geo_point place = place_near(run, &shape);
            double score = geohash_encode(place), distance_m = -1;
            unsigned found = 0;

            if (!geo_shape_holds(&shape, place, &distance_m))
                continue;
            inside++;
            CHECK(distance_m == geo_distance_m(shape.center, place));
            for (size_t k = 0; k < cell_count; k++)
                found += score >= cells[k].min && score < cells[k].max;
            CHECK_INT(found, 1);
        }
    }
    CHECK(inside > count);
}

static void test_shapes_hold_what_is_near_enough(check_run *run)
{
    uint64_t count = check_iterations(run, 20000);

    for (uint64_t i = 0; i < count; i++) {
        geo_shape shape = random_shape(run);
        geo_point place = place_near(run, &shape);
        double distance_m;
        bool holds = geo_shape_holds(&shape, place, &distance_m);
        geo_point level = {place.longitude, shape.center.latitude};
        geo_point beside = {shape.center.longitude, place.latitude};
        long double up_m = naive_distance_m(place, level);
        long double across_m = naive_distance_m(place, beside);
        long double over_m = shape.is_box
                                 ? fmaxl(up_m - shape.height * shape.unit_m / 2,
                                         across_m - shape.width * shape.unit_m / 2)
                                 : naive_distance_m(place, shape.center)
                                       - shape.radius * shape.unit_m;

        if (fabsl(over_m) > 0.01L) /* nearer to the edge rounding decides */
            CHECK_INT(holds, over_m < 0);
    }
}

static void test_absurd_lengths_give_cells_all_the_same(check_run *run)
{
    static const double lengths[] = {0, 1e-300, 1e-9, 2e7, 2.1e7, 1e10, 1e308, INFINITY};

    for (size_t i = 0; i < CHECK_LENGTH(lengths); i++) {
        for (int j = 0; j < 200; j++) {
            geo_shape shape = {.center = random_point(run), .is_box = j & 1,
                               .radius = lengths[i], .width = lengths[i],
                               .height = lengths[(i + (size_t)j) % CHECK_LENGTH(lengths)],
                               .unit_m = 1000};
            geo_cell cells[GEOHASH_CELLS_MAX];
            size_t cell_count;

            if (j >= 190) /* the corners, whose cells lie beyond the last */
                shape.center = (geo_point){j & 2 ? 180 : -180, j & 4 ? 85.05112878 : -85.05112878};
            cell_count = geo_shape_cells(&shape, cells);
            CHECK(cell_count >= 1 && cell_count <= GEOHASH_CELLS_MAX);
            for (size_t k = 0; k < cell_count; k++)
                CHECK(cells[k].min < cells[k].max);
        }
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_places_get_the_numbers_of_real_servers),
        CHECK_TEST(test_distances_are_those_of_real_servers_to_the_last_bit),
        CHECK_TEST(test_distance_texts_have_four_decimals),
        CHECK_TEST(test_places_outside_of_the_plane_are_told),
        CHECK_TEST(test_any_score_is_a_place),
        CHECK_TEST(test_random_places_agree_with_bits_one_by_one),
        CHECK_TEST(test_distances_agree_with_angles_between_vectors),
        CHECK_TEST(test_cells_hold_every_place_within_the_shape),
        CHECK_TEST(test_shapes_hold_what_is_near_enough),
        CHECK_TEST(test_absurd_lengths_give_cells_all_the_same),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
