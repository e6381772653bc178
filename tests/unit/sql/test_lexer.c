/* test_lexer.c — the text is cut where the server's scanner cuts it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

/* The tokens of a text as one line: a letter for the kind, then the token in < >; BAD ends it. */
static const char kind_letters[] = {
    [TOKEN_END] = '.',
    [TOKEN_BAD] = '!',
    [TOKEN_WORD] = 'w',
    [TOKEN_QUOTED] = 'q',
    [TOKEN_QUOTED_UNICODE] = 'u',
    [TOKEN_STRING] = 's',
    [TOKEN_NUMBER] = 'n',
    [TOKEN_PARAM] = 'p',
    [TOKEN_OPEN] = '(',
    [TOKEN_CLOSE] = ')',
    [TOKEN_COMMA] = ',',
    [TOKEN_SEMICOLON] = ';',
    [TOKEN_DOT] = 'd',
    [TOKEN_CAST] = 'c',
    [TOKEN_OPERATOR] = 'o',
    [TOKEN_OTHER] = 'x',
};

static void
print_tokens(struct slice text, char *out, size_t size)
{
    struct lexer lexer;
    lexer_init(&lexer, text);
    size_t len = 0;
    out[0] = '\0';
    for (;;) {
        const struct token t = lexer_next(&lexer);
        if (t.kind == TOKEN_END) {
            return;
        }
        if (t.kind == TOKEN_BAD) {
            (void)snprintf(out + len, size - len, "!");
            return;
        }
        len += (size_t)snprintf(out + len, size - len, "%c<%.*s>", kind_letters[t.kind],
                                (int)t.text.len, (const char *)t.text.p);
        assert_true(len < size);
    }
}

/* clang-format off */
static const struct {
    const char *text;
    const char *tokens;
} cases[] = {
    {"", ""},
    {" \t\n\r\f\v", ""},
    {"a", "w<a>"},
    {"SELECT a,b FROM t;", "w<SELECT>w<a>,<,>w<b>w<FROM>w<t>;<;>"},
    {"a.b.c", "w<a>d<.>w<b>d<.>w<c>"},
    {"_a$1 \xc3\xbc\x62", "w<_a$1>w<\xc3\xbc\x62>"},
    /* comments */
    {"--", ""}, {"-- a", ""}, {"-- a\nb", "w<b>"}, {"-- a\rb", "w<b>"}, {"--a\\\nb", "w<b>"},
    {"-- /* \n a", "w<a>"}, {"/* -- */ a", "w<a>"}, {"/* a */b", "w<b>"}, {"/**/a", "w<a>"},
    {"/***/a", "w<a>"}, {"/*/**/*/a", "w<a>"}, {"/* /* */ a */b", "w<b>"}, {"/*/", "!"},
    {"/*/ a", "!"}, {"/*", "!"}, {"/* *", "!"}, {"/* /* */", "!"}, {"/*/*/*/a", "!"}, {"a/**/b", "w<a>w<b>"},
    {"/* ' */ a", "w<a>"}, {"-- '\na", "w<a>"}, {"/* */ */", "o<*/>"}, {"//**/", "o</>"},
    {"/* **/ a", "w<a>"}, {"/* //* */ */ a", "w<a>"}, {"/* */* */", "o<*>o<*/>"},
    /* operators end where a comment begins */
    {"@-- x", "o<@>"}, {"@--\n1", "o<@>n<1>"}, {"+/* x */-", "o<+>o<->"}, {"*/* x */", "o<*>"},
    {"/--", "o</>"}, {"-/* x */", "o<->"}, {"<=-- x\n>", "o<<=>o<>>"}, {"- -1", "o<->o<->n<1>"},
    {"a-b", "w<a>o<->w<b>"}, {"1---2", "n<1>"}, {"a<>b", "w<a>o<<>>w<b>"}, {"?|", "o<?|>"}, {"@>'a'", "o<@>>s<'a'>"},
    {"-- a -- b\n@#", "o<@#>"}, {"~!@#^&|`?+*%<>=", "o<~!@#^&|`?+*%<>=>"},
    /* plain strings */
    {"''", "s<''>"}, {"'a'", "s<'a'>"}, {"'a''b'", "s<'a''b'>"}, {"''''", "s<''''>"}, {"'a\\'", "s<'a\\'>"},
    {"'a\\' 'b'", "s<'a\\'>s<'b'>"}, {"'", "!"}, {"'a", "!"}, {"'a''", "!"}, {"'''", "!"}, {"'a;b--c/*d'", "s<'a;b--c/*d'>"},
    {"'a\nb'", "s<'a\nb'>"}, {"'\"'", "s<'\"'>"}, {"a'b'", "w<a>s<'b'>"}, {"$1'a'", "p<$1>s<'a'>"}, {"'a'$1", "s<'a'>p<$1>"},
    /* strings go on over a line break */
    {"'a'\n'b'", "s<'a'\n'b'>"}, {"'a' 'b'", "s<'a'>s<'b'>"}, {"'a' \t\r\n 'b' c", "s<'a' \t\r\n 'b'>w<c>"},
    {"'a' -- c\n 'b'", "s<'a' -- c\n 'b'>"}, {"'a'\n-- c\n-- d '\n'b'", "s<'a'\n-- c\n-- d '\n'b'>"},
    {"'a' /* c */\n 'b'", "s<'a'>s<'b'>"}, {"'a'\nb", "s<'a'>w<b>"}, {"'a' -- c", "s<'a'>"}, {"'a'\n'b", "!"},
    {"E'a'\n'b\\'c'", "s<E'a'\n'b\\'c'>"}, {"'a'\n'b\\'", "s<'a'\n'b\\'>"}, {"E'a' 'b\\'", "s<E'a'>s<'b\\'>"},
    {"E'a' /**/\n'b\\'", "s<E'a'>s<'b\\'>"}, {"'a'\nE'b\\''", "s<'a'>s<E'b\\''>"}, {"'a'\n\n\n'b'\r'c'", "s<'a'\n\n\n'b'\r'c'>"},
    /* E'' */
    {"E''", "s<E''>"}, {"e'a'", "s<e'a'>"}, {"E'\\''", "s<E'\\''>"}, {"E'\\\\'", "s<E'\\\\'>"}, {"E'\\\\\\''", "s<E'\\\\\\''>"},
    {"E'a''b'", "s<E'a''b'>"}, {"E'\\'", "!"}, {"E'\\", "!"}, {"E'", "!"}, {"E 'a'", "w<E>s<'a'>"}, {"aE'\\'", "w<aE>s<'\\'>"},
    {"1E'\\''", "n<1>s<E'\\''>"}, {"1e5E'\\''", "n<1e5>s<E'\\''>"}, {"_e'\\'", "w<_e>s<'\\'>"}, {"E'\\\n'", "s<E'\\\n'>"}, {"E'\\'''", "!"},
    /* B'', X'', N'', U&'' */
    {"B'01' x'ff'", "s<B'01'>s<x'ff'>"}, {"b'", "!"}, {"N'a'", "w<N>s<'a'>"}, {"n'a\\'", "w<n>s<'a\\'>"},
    {"U&'a\\'", "s<U&'a\\'>"}, {"u&'a''b' UESCAPE '!'", "s<u&'a''b'>w<UESCAPE>s<'!'>"}, {"U&'", "!"}, {"U &'a'", "w<U>o<&>s<'a'>"},
    {"U& 'a'", "w<U>o<&>s<'a'>"}, {"U&a", "w<U>o<&>w<a>"}, {"aU&'b'", "w<aU>o<&>s<'b'>"}, {"U", "w<U>"}, {"U&", "w<U>o<&>"},
    /* quoted names */
    {"\"a\"", "q<\"a\">"}, {"\"a\"\"b\"", "q<\"a\"\"b\">"}, {"\"a'b\"", "q<\"a'b\">"}, {"\"a;--\"", "q<\"a;--\">"}, {"\"\"", "!"}, {"\"", "!"},
    {"\"a", "!"}, {"\"a\"\"", "!"}, {"\"\"\"\"", "q<\"\"\"\">"}, {"\"a\"\n\"b\"", "q<\"a\">q<\"b\">"}, {"U&\"a\\\"", "u<U&\"a\\\">"}, {"u&\"a\"\"b\"", "u<u&\"a\"\"b\">"},
    {"U&\"\"", "!"}, {"a\"b\"", "w<a>q<\"b\">"}, {"\"a\\\"", "q<\"a\\\">"},
    /* dollar quotes and parameters */
    {"$$a$$", "s<$$a$$>"}, {"$$$$", "s<$$$$>"}, {"$a$;'$$/*$a$", "s<$a$;'$$/*$a$>"}, {"$a$ $A$ $a$", "s<$a$ $A$ $a$>"}, {"$$", "!"}, {"$$a$", "!"},
    {"$a$ $b$", "!"}, {"$a$$b$a$", "s<$a$$b$a$>"}, {"$$a$b$$", "s<$$a$b$$>"}, {"$a$b$a$a$", "s<$a$b$a$>w<a$>"}, {"$\xc3\xbc$a$\xc3\xbc$", "s<$\xc3\xbc$a$\xc3\xbc$>"},
    {"$_1$a$_1$", "s<$_1$a$_1$>"}, {"$1", "p<$1>"}, {"$12,$3", "p<$12>,<,>p<$3>"}, {"$1$$a$$", "p<$1>s<$$a$$>"}, {"$1a$", "p<$1>w<a$>"}, {"$", "x<$>"}, {"$a", "x<$>w<a>"},
    {"$a b$", "x<$>w<a>w<b$>"}, {"$ $", "x<$>x<$>"}, {"a$$b$$", "w<a$$b$$>"}, {"a $$b$$", "w<a>s<$$b$$>"}, {"1$$b$$", "n<1>s<$$b$$>"}, {"$-$", "x<$>o<->x<$>"},
    {"$a$\n$a$", "s<$a$\n$a$>"}, {"$$'$$'b'", "s<$$'$$>s<'b'>"}, {"$a$ $a $a$", "s<$a$ $a $a$>"}, {"($$)$$)", "(<(>s<$$)$$>)<)>"},
    /* numbers */
    {"1", "n<1>"}, {"1.5", "n<1.5>"}, {".5", "n<.5>"}, {"1.", "n<1.>"}, {"1e5", "n<1e5>"}, {"1E+5", "n<1E+5>"}, {"1.5e-3x", "n<1.5e-3>w<x>"}, {"1e", "n<1>w<e>"}, {"1e+", "n<1>w<e>o<+>"},
    {"1..2", "n<1>d<.>n<.2>"}, {"1-2", "n<1>o<->n<2>"}, {"1a", "n<1>w<a>"}, {"0x1f", "n<0>w<x1f>"}, {"1_000", "n<1>w<_000>"}, {"a.5", "w<a>n<.5>"}, {"1.e5", "n<1.e5>"}, {"0x'1'", "n<0>s<x'1'>"},
    /* the rest */
    {"a::int", "w<a>c<::>w<int>"}, {"a:b", "w<a>x<:>w<b>"}, {":::", "c<::>x<:>"}, {"a[1:2]", "w<a>x<[>n<1>x<:>n<2>x<]>"}, {"a:=1", "w<a>x<:>o<=>n<1>"}, {"\\d", "x<\\>w<d>"}, {"{}", "x<{>x<}>"},
    {"\x01", "x<\x01>"}, {"f(a,b)", "w<f>(<(>w<a>,<,>w<b>)<)>"},
    /* bytes beyond ASCII are letters, UTF-8 or not */
    {"\x80", "w<\x80>"}, {"\xff", "w<\xff>"}, {"\xc3", "w<\xc3>"}, {"\xc3(", "w<\xc3>(<(>"}, {"\xc0\xaf", "w<\xc0\xaf>"}, {"\xc1\xbf", "w<\xc1\xbf>"}, {"\xe0\x9f\xbf", "w<\xe0\x9f\xbf>"}, {"\xed\xa0\x80", "w<\xed\xa0\x80>"}, {"\xf0\x8f\xbf\xbf", "w<\xf0\x8f\xbf\xbf>"}, {"\xf4\x90\x80\x80", "w<\xf4\x90\x80\x80>"},
    {"\xf5\x80\x80\x80", "w<\xf5\x80\x80\x80>"}, {"\xe2\x82", "w<\xe2\x82>"}, {"a 'some text' \xe2", "w<a>s<'some text'>w<\xe2>"}, {"\xe2\x82\xac", "w<\xe2\x82\xac>"}, {"\xf4\x8f\xbf\xbf", "w<\xf4\x8f\xbf\xbf>"}, {"\xed\x9f\xbf", "w<\xed\x9f\xbf>"},
    {"1234567\xf0\x9f\x98\x80 'x'", "n<1234567>w<\xf0\x9f\x98\x80>s<'x'>"},
};
/* clang-format on */

static void
texts_are_cut_as_the_server_cuts_them(void **state)
{
    (void)state;
    char tokens[512];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_tokens(slice_of_str(cases[i].text), tokens, sizeof(tokens));
        if (strcmp(tokens, cases[i].tokens) != 0) {
            print_error("%s\n", cases[i].text);
        }
        assert_string_equal(tokens, cases[i].tokens);
    }
}

static void
no_part_of_a_text_reads_past_its_end(void **state)
{
    (void)state;
    struct guard guard = guard_new(4096);
    char tokens[512];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const size_t len = strlen(cases[i].text);
        for (size_t from = 0; from <= len; from++) {
            for (size_t to = from; to <= len; to++) {
                print_tokens(guard_put(&guard, cases[i].text + from, to - from), tokens,
                             sizeof(tokens));
            }
        }
    }
    guard_free(&guard);
}

/* Tokens stand in order, inside the text, and are never empty: so the lexer always comes to an end.
 */
static void
tokens_cover_the_text_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct slice text = slice_of_str(cases[i].text);
        const uint8_t *at = text.p;
        struct lexer lexer;
        lexer_init(&lexer, text);
        for (;;) {
            const struct token t = lexer_next(&lexer);
            if (t.kind == TOKEN_END || t.kind == TOKEN_BAD) {
                assert_int_equal(lexer_next(&lexer).kind, t.kind);
                break;
            }
            assert_true(t.text.p >= at && t.text.len > 0);
            at = t.text.p + t.text.len;
            assert_true(at <= text.p + text.len);
        }
    }
}

static void
what_is_not_utf8_is_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe2\x82",
        "0123456789 \xe2",
        "0123456\xe4 012345678",
    };
    static const char *const right[] = {
        "",
        "a",
        "\xc2\x80",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "0123456\xe2\x82\xac",
        "abc \xc3\xa4 xyz xyz \xc3\xa4",
    };
    struct lexer lexer;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        lexer_init(&lexer, slice_of_str(wrong[i]));
        assert_false(lexer.utf8);
    }
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        lexer_init(&lexer, slice_of_str(right[i]));
        assert_true(lexer.utf8);
    }
}

static void
a_nul_is_bad_wherever_it_stands(void **state)
{
    (void)state;
    char text[64];
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', sizeof(text));
            text[at] = '\0';
            struct lexer lexer;
            lexer_init(&lexer, slice_of(text, len));
            assert_int_equal(lexer_next(&lexer).kind, TOKEN_BAD);
        }
    }
    static const char behind_comments[] = " /* a */ -- b\n /* c */ \0 SELECT 1";
    struct lexer lexer;
    lexer_init(&lexer, slice_of(behind_comments, sizeof(behind_comments) - 1));
    assert_int_equal(lexer_next(&lexer).kind, TOKEN_BAD);
}

static void
a_backslash_is_found_wherever_it_stands(void **state)
{
    (void)state;
    char text[64];
    for (size_t len = 1; len < sizeof(text); len++) {
        memset(text, '[', sizeof(text)); /* its neighbour in ASCII */
        struct lexer lexer;
        lexer_init(&lexer, slice_of(text, len));
        assert_false(lexer.backslash);
        text[len / 2] = '\\';
        lexer_init(&lexer, slice_of(text, len));
        assert_true(lexer.backslash);
    }
}

static void
every_keyword_is_found_in_any_case(void **state)
{
    (void)state;
    for (int i = 0; i < KW_COUNT; i++) {
        const char *name = keyword_name((enum keyword)i);
        if (name[0] == '\0') {
            continue;
        }
        char text[64];
        assert_true(strlen(name) < sizeof(text) / 2);
        (void)snprintf(text, sizeof(text), "%s", name);
        for (size_t at = 0; at <= strlen(name); at++) {
            struct lexer lexer;
            lexer_init(&lexer, slice_of_str(text));
            const struct token t = lexer_next(&lexer);
            assert_int_equal(t.kind, TOKEN_WORD);
            assert_int_equal(t.keyword, i);
            if (text[at] >= 'a' && text[at] <= 'z') {
                text[at] = (char)(text[at] - 'a' + 'A');
            }
        }
        (void)snprintf(text, sizeof(text), "%.32sx", name);
        struct lexer lexer;
        lexer_init(&lexer, slice_of_str(text));
        const enum keyword longer = lexer_next(&lexer).keyword;
        assert_true(longer == KW_NONE || strcmp(keyword_name(longer), text) == 0);
    }
}

static void
a_letter_that_only_looks_like_i_makes_no_keyword(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xc4\xb1nsert", "\xc4\xb0NSERT", "INSERT\xcc\x87",
                                        "insert_",       "insert1",       "\"insert\"",
                                        "xinsert"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct lexer lexer;
        lexer_init(&lexer, slice_of_str(texts[i]));
        assert_int_equal(lexer_next(&lexer).keyword, KW_NONE);
    }
}

static void
leading_comments_are_taken_one_by_one(void **state)
{
    (void)state;
    struct lexer lexer;
    struct slice inside;
    lexer_init(&lexer, slice_of_str(" /* a */\n/**//* /* b */ */ x /* c */"));
    assert_true(lexer_take_comment(&lexer, &inside));
    assert_true(slice_equal_str(inside, " a "));
    assert_true(lexer_take_comment(&lexer, &inside));
    assert_int_equal(inside.len, 0);
    assert_true(lexer_take_comment(&lexer, &inside));
    assert_true(slice_equal_str(inside, " /* b */ "));
    assert_false(lexer_take_comment(&lexer, &inside));
    assert_true(slice_equal_str(lexer_next(&lexer).text, "x"));
    lexer_init(&lexer, slice_of_str("/* open"));
    assert_false(lexer_take_comment(&lexer, &inside));
    assert_int_equal(lexer_next(&lexer).kind, TOKEN_BAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_as_the_server_cuts_them),
        cmocka_unit_test(no_part_of_a_text_reads_past_its_end),
        cmocka_unit_test(tokens_cover_the_text_in_order),
        cmocka_unit_test(what_is_not_utf8_is_told),
        cmocka_unit_test(a_nul_is_bad_wherever_it_stands),
        cmocka_unit_test(a_backslash_is_found_wherever_it_stands),
        cmocka_unit_test(every_keyword_is_found_in_any_case),
        cmocka_unit_test(a_letter_that_only_looks_like_i_makes_no_keyword),
        cmocka_unit_test(leading_comments_are_taken_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
