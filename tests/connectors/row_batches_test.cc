// JSON records as rows of COPY: values, shapes, what does not fit; and what the options of the sender mean.
#include "connectors/postgres/row_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "connectors/postgres/claims.h"

namespace slicemill::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A record with readable bytes behind it, and its tokens.
class Record {
 public:
  explicit Record(const std::string& text) : text_(text + std::string(64, ' ')) {
    const std::string_view view(text_.data(), text.size());
    indexer_.index(std::span(&view, 1), tokens_);
  }
  JsonValue value() const { return tokens_.value(tokens_.texts()[0]); }

 private:
  std::string text_;
  JsonIndexer indexer_;
  JsonTokens tokens_;
};

std::string field(Encoding encoding, const std::string& json, Encoding element = Encoding::plain) {
  const Record record("[" + json + "]");
  CopyEncoder encoder;
  std::string row;
  std::string result;
  record.value().visit_items([&](const JsonValue& value) {
    const auto appended =
        encoder.append(row, {.name = "c", .type = "t", .encoding = encoding, .element = element}, value);
    result = appended ? row : "! " + appended.error().message;
  });
  return result;
}

TEST(CopyEncoder, ScalarsAreTheirText) {
  EXPECT_EQ(field(Encoding::plain, "null"), "\\N");
  EXPECT_EQ(field(Encoding::json, "null"), "\\N");
  EXPECT_EQ(field(Encoding::plain, "true"), "true");
  EXPECT_EQ(field(Encoding::plain, "-12.50e3"), "-12.50e3");
  EXPECT_EQ(field(Encoding::text, R"("")"), "");
  EXPECT_EQ(field(Encoding::text, R"("\\N")"), "\\\\N");
  EXPECT_EQ(field(Encoding::text, R"("a\tb\nc\rd\\e\"f\u00e4")"), "a\\tb\\nc\\rd\\\\e\"f\u00e4");
  EXPECT_EQ(field(Encoding::text, R"({"a": [1,"\n"]})"), R"({"a": [1,"\\n"]})");
}

TEST(CopyEncoder, JsonStaysJson) {
  EXPECT_EQ(field(Encoding::json, R"("x\\y")"), R"("x\\\\y")");
  EXPECT_EQ(field(Encoding::json, R"([1,{"a":null}])"), R"([1,{"a":null}])");
}

TEST(CopyEncoder, BytesComeFromBase64) {
  EXPECT_EQ(field(Encoding::bytes, R"("AP9c")"), "\\\\x00ff5c");
  EXPECT_EQ(field(Encoding::bytes, R"("")"), "\\\\x");
  EXPECT_EQ(field(Encoding::bytes, R"("\\x0102")"), "\\\\x0102");
  EXPECT_THAT(field(Encoding::bytes, R"("?")"), HasSubstr("column \"c\" (t): it is not base64"));
  EXPECT_THAT(field(Encoding::bytes, "5"), HasSubstr("base64"));
}

TEST(CopyEncoder, YearsAreThoseOfPostgres) {
  EXPECT_EQ(field(Encoding::moment, R"("2024-02-29T23:59:59.5Z")"), "2024-02-29T23:59:59.5Z");
  EXPECT_EQ(field(Encoding::moment, R"("-0043-03-15")"), "0044-03-15 BC");
  EXPECT_EQ(field(Encoding::moment, R"("0000-01-01T00:00:00")"), "0001-01-01T00:00:00 BC");
  EXPECT_EQ(field(Encoding::moment, R"("+12024-01-01")"), "12024-01-01");
  EXPECT_EQ(field(Encoding::moment, R"("-infinity")"), "-infinity");
  EXPECT_EQ(field(Encoding::moment, R"("now")"), "now");
}

TEST(CopyEncoder, ArraysNestAndQuote) {
  EXPECT_EQ(field(Encoding::array, "[]"), "{}");
  EXPECT_EQ(field(Encoding::array, "[1,null,[2,3]]"), R"({"1",NULL,{"2","3"}})");
  EXPECT_EQ(field(Encoding::array, R"(["a,b","NULL","x\"y","\\"])"), R"({"a,b","NULL","x\\"y","\\\\"})");
  EXPECT_EQ(field(Encoding::array, R"(["AQ=="])", Encoding::bytes), R"({"\\\\x01"})");
  EXPECT_EQ(field(Encoding::array, R"([{"a":1},[2]])", Encoding::json), R"({"{\\"a\\":1}","[2]"})");
  EXPECT_THAT(field(Encoding::array, "[{}]"), HasSubstr("does not fit"));
  EXPECT_EQ(field(Encoding::array, R"("{1,2}")"), "{1,2}");
}

TEST(CopyEncoder, WhatCannotBeStoredIsAnError) {
  EXPECT_THAT(field(Encoding::text, R"("a\u0000b")"), HasSubstr("NUL"));
  EXPECT_THAT(field(Encoding::text, R"("\ud83d")"), HasSubstr("surrogate"));
  EXPECT_THAT(field(Encoding::plain, "{}"), HasSubstr("does not fit"));
  EXPECT_THAT(field(Encoding::opaque, "5"), HasSubstr("only text"));
  EXPECT_EQ(field(Encoding::opaque, "\"(1,x)\""), "(1,x)");
}

TargetTable table() {
  return {{"s", "t"},
          {{.name = "id", .type = "integer"},
           {.name = "a", .type = "text", .encoding = Encoding::text, .has_default = true},
           {.name = "b", .type = "text", .encoding = Encoding::text},
           {.name = "g", .type = "integer", .has_default = true, .is_generated = true}}};
}

std::string add(RowBatches& rows, const std::string& json, std::size_t number = 0) {
  const Record record(json);
  const auto added = rows.add(record.value(), number);
  return added ? "" : added.error().message;
}

TEST(RowBatches, AnInsertLeavesDefaultsToTheServer) {
  RowBatches rows(table(), {});
  EXPECT_EQ(add(rows, R"({"b":"x","id":1})", 0), "");
  EXPECT_EQ(add(rows, R"({"id":2,"a":"y","a":"z"})", 1), "");
  EXPECT_EQ(add(rows, R"({"id":3})", 2), "");
  ASSERT_EQ(rows.batches().size(), 2u);
  EXPECT_EQ(rows.batches()[0].text, "1\tx\n3\t\\N\n");
  EXPECT_THAT(rows.batches()[0].records, ElementsAre(0, 2));
  EXPECT_EQ(rows.copy_into("x", rows.batches()[0]), R"(COPY x ("id", "b") FROM STDIN)");
  EXPECT_EQ(rows.batches()[1].text, "2\tz\t\\N\n");
  RowBatches::remove(rows.batches()[0], 0);
  EXPECT_EQ(rows.batches()[0].text, "3\t\\N\n");
  EXPECT_THAT(rows.batches()[0].records, ElementsAre(2));
  EXPECT_THAT(rows.batches()[0].ends, ElementsAre(5));
}

TEST(RowBatches, AnUpsertKeepsTheOrderAndWhatIsNotNamed) {
  RowBatches rows(table(), {.upserts = true, .key = {"id"}});
  EXPECT_EQ(add(rows, R"({"id":1,"b":"x"})"), "");
  EXPECT_EQ(add(rows, R"({"id":1})"), "");
  EXPECT_EQ(add(rows, R"({"id":2,"b":"y"})"), "");
  ASSERT_EQ(rows.batches().size(), 3u) << "a later record goes over an earlier one";
  const std::string sql = rows.upsert_from("stage", rows.batches()[0]);
  EXPECT_THAT(sql, HasSubstr(R"(SELECT DISTINCT ON ("id") * FROM stage ORDER BY "id", slicemill_n DESC)"));
  EXPECT_THAT(sql, HasSubstr(R"(ON CONFLICT ("id") DO UPDATE SET "b" = excluded."b")"));
  EXPECT_THAT(rows.upsert_from("stage", rows.batches()[1]), HasSubstr("DO NOTHING"));
  EXPECT_THAT(add(rows, R"({"id":null,"b":"x"})"), HasSubstr("field \"id\" is a part of the key"));
}

TEST(RowBatches, FieldsWithoutAColumnAreErrorsUnlessTheyAreIgnored) {
  RowBatches rows(table(), {});
  EXPECT_EQ(add(rows, R"({"id":1,"z":2})"), R"(field "z" has no column in "s"."t")");
  EXPECT_THAT(add(rows, R"({"id":1,"g":2})"), HasSubstr("the database computes this column"));
  EXPECT_THAT(add(rows, R"({"id":{}})"), HasSubstr("column \"id\""));
  for (const auto& batch : rows.batches()) EXPECT_EQ(batch.text, "") << "nothing is left of a record that does not fit";
  RowBatches lenient(table(), {.ignores_unknown = true});
  EXPECT_EQ(add(lenient, R"({"id":1,"z":2,"g":3})"), "");
  EXPECT_EQ(lenient.batches()[0].text, "1\t\\N\n");
}

TEST(ColumnTypes, TakeWhatTheyWereShown) {
  ColumnTypes types;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"i", "1"},
                                                                                    {"n", "1"},
                                                                                    {"t", "\"x\""},
                                                                                    {"b", "true"},
                                                                                    {"o", "{}"},
                                                                                    {"e", "null"},
                                                                                    {"m", "1"},
                                                                                    {"i", "-5"},
                                                                                    {"n", "12345678901234567890"},
                                                                                    {"t", "null"},
                                                                                    {"m", "\"1\""},
                                                                                    {"f", "1e3"}})
    types.see(name, value);
  using Column = std::pair<std::string, std::string>;
  EXPECT_THAT(types.columns(),
              ElementsAre(Column("i", "bigint"), Column("n", "numeric"), Column("t", "text"), Column("b", "boolean"),
                          Column("o", "jsonb"), Column("e", "text"), Column("m", "jsonb"), Column("f", "numeric")));
}

TEST(Locks, AreTheSameInEveryProcess) {
  EXPECT_EQ(lock_number("slicemill"), lock_number("slicemill"));
  EXPECT_NE(lock_number("a"), lock_number("b"));
}

}  // namespace
}  // namespace slicemill::postgres
