/* Tests of hyperloglog: bytes that a real server has written, an array of registers as oracle for
 * both encodings, drafts against drafts that start anew for each change, and malformed values in
 * exactly sized buffers. */
#include "hyperloglog.h"

#include "check.h"

#define EMPTY "HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"

static slice slice_of(const void *data, size_t length) { return (slice){data, length}; }
static slice text(const char *string) { return slice_of(string, strlen(string)); }
static slice draft_value(const hll_draft *draft) { return slice_of(draft->bytes, draft->length); }

static hll_status add(hll_draft *draft, const char *element) {
    return hll_draft_raise(draft, hll_place_of(text(element)), 3000);
}

/* What a value says, one register after the other. */
static void registers_of(slice value, uint8_t *registers) {
    memset(registers, 0, HLL_REGISTERS);
    CHECK(hll_is_value(value));
    if (hll_get_encoding(value) == HLL_DENSE) {
        for (uint32_t i = 0; i < HLL_REGISTERS; i++)
            registers[i] = (uint8_t)hll_dense_get(value.data, i);
        return;
    }
    slice rest = slice_of(value.data + HLL_HEADER_BYTES, value.length - HLL_HEADER_BYTES);
    hll_run run;
    uint32_t index = 0;
    while (hll_next_run(&rest, &run)) {
        CHECK(run.length <= HLL_REGISTERS - index);
        memset(registers + index, run.rank, run.length);
        index += run.length;
    }
    CHECK_INT(index, HLL_REGISTERS);
}

static void test_bytes_are_those_of_a_real_server(check_run *run) {
    hll_draft draft;
    (void)run;
    hll_draft_new(&draft);
    CHECK_BYTES(draft.bytes, draft.length, EMPTY, sizeof EMPTY - 1);
    CHECK_INT(add(&draft, "a"), HLL_CHANGED);
    CHECK_BYTES(draft.bytes, draft.length,
                "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80q\xa6\x84NW", 21);
    CHECK_INT(add(&draft, "a"), HLL_UNCHANGED);
    CHECK_INT(add(&draft, "b"), HLL_CHANGED);
    CHECK_INT(add(&draft, "c"), HLL_CHANGED);
    /* PFDEBUG DECODE: Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603 */
    CHECK_BYTES(draft.bytes + 16, draft.length - 16, "\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a",
                11);
    uint64_t count = 0;
    CHECK(!hll_cached(draft_value(&draft), &count));
    CHECK(hll_count(hll_best(), draft_value(&draft), &count));
    CHECK_INT(count, 3);
    hll_set_cached(hll_draft_own(&draft), count);
    CHECK(hll_cached(draft_value(&draft), &count));
    CHECK_INT(count, 3);
    hll_draft_close(&draft);
}

static void test_a_place_is_the_hash_in_two_parts(check_run *run) {
    (void)run;
    CHECK_INT(hll_place_of(text("a")).index, 12711);
    CHECK_INT(hll_place_of(text("a")).rank, 2);
    for (int i = 0; i < 100000; i++) {
        hll_place place = hll_place_of(slice_of(&i, sizeof i));
        CHECK(place.index < HLL_REGISTERS && place.rank >= 1 && place.rank <= HLL_RANK_MAX);
    }
}

static hll_place random_place(check_run *run, uint32_t span) {
    hll_place place = {(uint32_t)check_random_below(run, span), 1};
    uint64_t most = check_chance(run, 1) ? HLL_RANK_MAX : check_chance(run, 5) ? 32 : 3;
    place.rank = 1 + (uint32_t)check_random_below(run, most);
    return place;
}

/* Random raises; the same through one draft, through a draft for each, and in an array. */
static void check_drafts(check_run *run, uint32_t span, size_t sparse_max, unsigned raises,
                         bool ascending) {
    uint8_t expected[HLL_REGISTERS] = {0}, registers[HLL_REGISTERS];
    hll_draft whole;
    uint8_t *bytes = malloc(sizeof EMPTY - 1);
    size_t length = sizeof EMPTY - 1;
    memcpy(bytes, EMPTY, length);
    hll_draft_new(&whole);
    for (unsigned i = 0; i < raises; i++) {
        hll_place place = random_place(run, span);
        if (ascending) place.index = (uint32_t)((uint64_t)span * i / raises);
        hll_draft single;
        hll_draft_open(&single, slice_of(bytes, length));
        hll_status status = hll_draft_raise(&single, place, sparse_max);
        CHECK_INT(hll_draft_raise(&whole, place, sparse_max), status);
        CHECK_INT(status, expected[place.index] < place.rank ? HLL_CHANGED : HLL_UNCHANGED);
        CHECK_INT(single.own != NULL, status == HLL_CHANGED);
        if (place.rank > expected[place.index]) expected[place.index] = (uint8_t)place.rank;
        length = single.length;
        uint8_t *copy = malloc(length); /* of its exact size */
        memcpy(copy, single.bytes, length);
        hll_draft_close(&single);
        free(bytes);
        bytes = copy;
        CHECK(bytes[4] == HLL_DENSE || length <= sparse_max || length == sizeof EMPTY - 1);
    }
    CHECK_BYTES(whole.bytes, whole.length, bytes, length);
    registers_of(draft_value(&whole), registers);
    CHECK_BYTES(registers, HLL_REGISTERS, expected, HLL_REGISTERS);
    memset(registers, 0, sizeof registers);
    CHECK(hll_merge(hll_best(), registers, slice_of(bytes, length)));
    CHECK_BYTES(registers, HLL_REGISTERS, expected, HLL_REGISTERS);
    CHECK(hll_draft_to_dense(&whole));
    registers_of(draft_value(&whole), registers);
    CHECK_BYTES(registers, HLL_REGISTERS, expected, HLL_REGISTERS);
    hll_draft_close(&whole);
    free(bytes);
}

static void test_drafts_agree_with_an_array_of_registers(check_run *run) {
    static const uint32_t spans[] = {1, 3, 10, 64, 65, 200, 2000, HLL_REGISTERS};
    static const size_t limits[] = {0, 18, 40, 200, 3000, 100000};
    uint64_t rounds = check_iterations(run, 60);
    for (uint64_t round = 0; round < rounds; round++)
        check_drafts(run, spans[check_random_below(run, CHECK_LENGTH(spans))],
                     limits[check_random_below(run, CHECK_LENGTH(limits))],
                     (unsigned)check_random_below(run, 400), round % 3 == 0);
}

static void test_a_rank_above_32_makes_a_value_dense(check_run *run) {
    hll_draft draft;
    (void)run;
    hll_draft_new(&draft);
    CHECK_INT(hll_draft_raise(&draft, (hll_place){5, 32}, 3000), HLL_CHANGED);
    CHECK_INT(draft.bytes[4], HLL_SPARSE);
    CHECK_INT(hll_draft_raise(&draft, (hll_place){HLL_REGISTERS - 1, 33}, 3000), HLL_CHANGED);
    CHECK_INT(draft.length, HLL_DENSE_BYTES);
    CHECK_INT(hll_dense_get(draft.bytes, 5), 32);
    CHECK_INT(hll_dense_get(draft.bytes, HLL_REGISTERS - 1), 33);
    CHECK_INT(hll_draft_raise(&draft, (hll_place){5, 32}, 3000), HLL_UNCHANGED);
    CHECK_INT(hll_draft_raise(&draft, (hll_place){5, 51}, 3000), HLL_CHANGED);
    hll_draft_close(&draft);
}

static void check_kernel(check_run *run, const hll_kernel *kernel) {
    for (int round = 0; round < 50; round++) {
        uint8_t *packed = malloc(HLL_PACKED_BYTES), registers[HLL_REGISTERS];
        uint8_t *value = malloc(HLL_DENSE_BYTES), expected[HLL_REGISTERS];
        memcpy(value, "HYLL\0\0\0\0\0\0\0\0\0\0\0\0", HLL_HEADER_BYTES);
        for (size_t i = 0; i < HLL_REGISTERS; i++) registers[i] = check_random(run) & 63;
        kernel->pack(packed, registers);
        memcpy(value + HLL_HEADER_BYTES, packed, HLL_PACKED_BYTES);
        for (uint32_t i = 0; i < HLL_REGISTERS; i++)
            CHECK_INT(hll_dense_get(value, i), registers[i]);
        for (size_t i = 0; i < HLL_REGISTERS; i++) {
            uint8_t old = registers[i];
            registers[i] = check_random(run) & 63;
            expected[i] = old > registers[i] ? old : registers[i];
        }
        kernel->merge(registers, packed);
        CHECK_BYTES(registers, HLL_REGISTERS, expected, HLL_REGISTERS);
        free(packed);
        free(value);
    }
}

static void test_kernels_pack_and_merge_like_single_registers(check_run *run) {
    printf("kernel: %s\n", hll_best()->name);
    check_kernel(run, &hll_portable);
    check_kernel(run, hll_best());
}

static void test_dense_registers_do_not_touch_their_neighbours(check_run *run) {
    uint8_t expected[HLL_REGISTERS] = {0}, registers[HLL_REGISTERS];
    uint8_t *value = calloc(1, HLL_DENSE_BYTES);
    memcpy(value, "HYLL", 4);
    for (int i = 0; i < 50000; i++) {
        hll_place place = {(uint32_t)check_random_below(run, HLL_REGISTERS),
                           1 + (uint32_t)check_random_below(run, 63)};
        CHECK_INT(hll_dense_raise(value, place), expected[place.index] < place.rank);
        if (expected[place.index] < place.rank) expected[place.index] = (uint8_t)place.rank;
    }
    registers_of(slice_of(value, HLL_DENSE_BYTES), registers);
    CHECK_BYTES(registers, HLL_REGISTERS, expected, HLL_REGISTERS);
    free(value);
}

static void test_estimates_of_extreme_registers_are_numbers(check_run *run) {
    uint8_t registers[HLL_REGISTERS] = {0};
    (void)run;
    CHECK_INT(hll_estimate(registers), 0);
    for (int rank = 1; rank < 64; rank++) {
        memset(registers, rank, sizeof registers);
        uint64_t count = hll_estimate(registers);
        CHECK(rank > HLL_RANK_MAX || count > 1000);
    }
}

static void test_strings_that_are_no_values_are_told(check_run *run) {
    char dense[HLL_DENSE_BYTES + 1] = "HYLL";
    (void)run;
    CHECK(!hll_is_value(slice_of("", 0)));
    CHECK(!hll_is_value(slice_of(EMPTY, 15)));
    CHECK(hll_is_value(slice_of(EMPTY, 16)));
    CHECK(!hll_is_value(slice_of("hyll\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18)));
    CHECK(!hll_is_value(slice_of("HYLL\2\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18)));
    CHECK(!hll_is_value(slice_of("HYLL\xff\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18)));
    CHECK(hll_is_value(slice_of(dense, HLL_DENSE_BYTES)));
    CHECK(!hll_is_value(slice_of(dense, HLL_DENSE_BYTES - 1)));
    CHECK(!hll_is_value(slice_of(dense, HLL_DENSE_BYTES + 1)));
}

static bool covers_exactly(const uint8_t *bytes, size_t length) {
    uint64_t total = 0;
    for (size_t at = HLL_HEADER_BYTES; at < length; at++) {
        if (bytes[at] & 0x80) total += (bytes[at] & 3) + 1;
        else if (!(bytes[at] & 0x40)) total += bytes[at] + 1;
        else if (at + 1 == length) return false;
        else {
            total += ((bytes[at] & 0x3fu) << 8 | bytes[at + 1]) + 1;
            at++;
        }
    }
    return total == HLL_REGISTERS;
}

/* Random runs, nearly always wrong: no read outside, and the malformed ones are found. */
static void check_malformed(check_run *run) {
    size_t length = HLL_HEADER_BYTES + check_random_below(run, 60);
    uint8_t *bytes = malloc(length), registers[HLL_REGISTERS] = {0};
    hll_draft draft;
    check_random_bytes(run, bytes, length);
    memcpy(bytes, EMPTY, HLL_HEADER_BYTES);
    bool whole = covers_exactly(bytes, length);
    CHECK_INT(hll_merge(hll_best(), registers, slice_of(bytes, length)), whole);
    hll_draft_open(&draft, slice_of(bytes, length));
    for (int i = 0; i < 8; i++) {
        hll_place place = random_place(run, check_chance(run, 50) ? 100 : HLL_REGISTERS);
        hll_status status = hll_draft_raise(&draft, place, check_chance(run, 50) ? 30 : 3000);
        CHECK(!whole || status != HLL_MALFORMED);
    }
    CHECK(hll_draft_to_dense(&draft) || !whole);
    hll_draft_close(&draft);
    slice rest = slice_of(bytes + HLL_HEADER_BYTES, length - HLL_HEADER_BYTES);
    hll_run each;
    while (hll_next_run(&rest, &each)) CHECK(each.length >= 1 && each.length <= HLL_REGISTERS);
    free(bytes);
}

static void test_malformed_runs_are_refused_without_reading_outside(check_run *run) {
    uint64_t rounds = check_iterations(run, 20000);
    for (uint64_t round = 0; round < rounds; round++) check_malformed(run);
}

static void test_the_self_test_passes(check_run *run) {
    (void)run;
    CHECK(hll_self_test());
}

int main(int count, char **arguments) {
    static const check_test tests[] = {
        CHECK_TEST(test_bytes_are_those_of_a_real_server),
        CHECK_TEST(test_a_place_is_the_hash_in_two_parts),
        CHECK_TEST(test_drafts_agree_with_an_array_of_registers),
        CHECK_TEST(test_a_rank_above_32_makes_a_value_dense),
        CHECK_TEST(test_kernels_pack_and_merge_like_single_registers),
        CHECK_TEST(test_dense_registers_do_not_touch_their_neighbours),
        CHECK_TEST(test_estimates_of_extreme_registers_are_numbers),
        CHECK_TEST(test_strings_that_are_no_values_are_told),
        CHECK_TEST(test_malformed_runs_are_refused_without_reading_outside),
        CHECK_TEST(test_the_self_test_passes),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
