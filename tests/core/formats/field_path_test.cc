#include "core/formats/field_path.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/formats/iso_date.h"
#include "core/formats/record_projection.h"
#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A record with its tokens.
class Record {
 public:
  explicit Record(const std::string& text) : text_(text) {
    const std::vector<std::string_view> views = {text_.view()};
    EXPECT_TRUE(indexer_.index(views, tokens_)) << text;
  }
  JsonValue value() const { return tokens_.value(tokens_.texts()[0]); }

 private:
  Padded text_;
  JsonIndexer indexer_;
  JsonTokens tokens_;
};

std::vector<std::string> found(const std::string& record, const std::string& path) {
  const Record parsed(record);
  FoundFields fields;
  find_fields(parsed.value(), *FieldPath::parse(path), fields);
  std::vector<std::string> texts;
  for (const JsonValue& value : fields.values) texts.emplace_back(value.bytes());
  if (fields.is_list) texts.insert(texts.begin(), "list");
  return texts;
}

std::vector<std::string> names(const std::string& path) {
  std::vector<std::string> texts;
  const auto parsed = FieldPath::parse(path);
  for (const auto& segment : parsed->segments()) texts.push_back(segment.name.text());
  return texts;
}

TEST(FieldPath, IsNamesWithDotsBetween) {
  EXPECT_THAT(names("a.b"), ElementsAre("a", "b"));
  EXPECT_THAT(names(R"(a\.b.c\\d.e\f)"), ElementsAre("a.b", R"(c\d)", R"(e\f)"));
  for (const auto* bad : {"", ".", "a.", ".a", "a..b"}) EXPECT_FALSE(FieldPath::parse(bad)) << bad;
}

TEST(FieldPath, AMemberOfTheWholeNameComesFirst) {
  EXPECT_THAT(found(R"({"user.name":1,"user":{"name":2}})", "user.name"), ElementsAre("1"));
  EXPECT_THAT(found(R"({"user":{"name":2}})", "user.name"), ElementsAre("2"));
  EXPECT_THAT(found(R"({"user":{"name":2}})", R"(user\.name)"), IsEmpty());
  EXPECT_THAT(found(R"({"a":{"b.c":1}})", "a.b.c"), ElementsAre("1"));
  EXPECT_THAT(found(R"({"a.b":{"c":1}})", R"(a\.b.c)"), ElementsAre("1"));
  EXPECT_THAT(found(R"({"user\u002ename":3})", "user.name"), ElementsAre("3"));
}

TEST(FieldPath, OfRepeatedMembersTheLastCounts) {
  EXPECT_THAT(found(R"({"a":1,"a":2})", "a"), ElementsAre("2"));
  EXPECT_THAT(found(R"({"a":{"b":1},"a":{"c":2}})", "a.b"), IsEmpty());
  EXPECT_THAT(found(R"({"a":{"b":1},"a":5})", "a.b"), IsEmpty());
}

TEST(FieldPath, GoesThroughArrays) {
  const auto* record = R"({"items":[{"n":1},5,{"n":2,"m":[{"n":3}]},[{"n":4}]],"empty":[]})";
  EXPECT_THAT(found(record, "items.0.n"), ElementsAre("1"));
  EXPECT_THAT(found(record, "items.1"), ElementsAre("5"));
  EXPECT_THAT(found(record, "items.2.m.0.n"), ElementsAre("3"));
  EXPECT_THAT(found(record, "items.4"), IsEmpty());
  EXPECT_THAT(found(record, "items.00"), ElementsAre("list"));
  EXPECT_THAT(found(record, "items.n"), ElementsAre("list", "1", "2", "4"));
  EXPECT_THAT(found(record, "empty.n"), ElementsAre("list"));
  EXPECT_THAT(found(R"({"a":{"0":7}})", "a.0"), ElementsAre("7"));
}

std::string projected(RecordProjection::Form form, std::vector<ChosenField> fields, const std::string& record) {
  RecordProjection projection(form, std::move(fields));
  const Record parsed(record);
  if (auto looked = projection.look_at(parsed.value()); !looked) return looked.error().message;
  std::string out(projection.size_limit(), '\0');
  const auto end = projection.write(out.data());
  if (!end) return end.error().message;
  out.resize(static_cast<std::size_t>(*end - out.data()));
  return out;
}

std::string in_place(const std::vector<std::string>& paths, const std::string& record) {
  return projected(RecordProjection::Form::in_place, chosen_fields(paths), record);
}

TEST(RecordProjection, KeepsFieldsWhereTheyAre) {
  const auto* record = R"({"user.name":"ann","user":{"id":1,"name":"x"},"k":1,"k":2})";
  EXPECT_EQ(in_place({"user.name", "user.id", "k"}, record), R"({"user.name":"ann","user":{"id":1},"k":2})");
  EXPECT_EQ(in_place({"user.name"}, R"({"user":{"name":"x","y":1}})"), R"({"user":{"name":"x"}})");
  EXPECT_EQ(in_place({"a.b"}, R"({"a":{"b":1},"a":{"c":2}})"), "{}");
}

TEST(RecordProjection, KeepsTheItemsOfArrays) {
  const auto* record = R"({"id":7,"items":[{"n":1,"p":2},5,{"p":3},[{"n":4}]]})";
  EXPECT_EQ(in_place({"items.n", "id"}, record), R"({"items":[{"n":1},{},[{"n":4}]],"id":7})");
  EXPECT_EQ(in_place({"items.n", "items.p"}, record), R"({"items":[{"n":1,"p":2},{"p":3},[{"n":4}]]})");
  EXPECT_EQ(in_place({"items.0.p"}, record), R"({"items":[{"p":2}]})");
  EXPECT_EQ(in_place({"items.1"}, record), R"({"items":[5]})");
  EXPECT_EQ(in_place({"items.n.x"}, record), R"({"items":[{},{},[{}]]})");
}

TEST(RecordProjection, MakesListsOfWhatIsInArrays) {
  const auto* record = R"({"items":[{"n":1},{"n":"2"},{}],"x":{"y":5}})";
  std::vector<ChosenField> fields = chosen_fields({"items.n", "items.1.n", "x.y", "items.z"});
  for (ChosenField& field : fields) field.name = "out " + field.name;
  EXPECT_EQ(projected(RecordProjection::Form::flat, fields, record),
            R"({"out items.n":[1,"2"],"out items.1.n":"2","out x.y":5})");
  fields[0].cast = JsonCast::integer;
  EXPECT_EQ(projected(RecordProjection::Form::flat, {fields[0]}, record), R"({"out items.n":[1,2]})");
}

TEST(RecordProjection, FieldsAreNamedOnce) {
  EXPECT_TRUE(check_chosen_fields({"a.b", "a.c"}));
  EXPECT_EQ(check_chosen_fields({"a", "b", "a"}).error().message, "\"a\" is named twice");
  EXPECT_EQ(check_chosen_fields({"a.b", "a\\.b"}).error().message, "\"a\\.b\" is named twice");
  EXPECT_FALSE(check_chosen_fields({"a..b"}));
}

int compared(const char* a, const char* b) {
  return IsoInstant::parse(a)->compare(*IsoInstant::parse(b));
}

TEST(IsoInstant, ComparesMoments) {
  EXPECT_EQ(compared("2024-01-01", "2024-01-01T00:00:00Z"), 0);
  EXPECT_EQ(compared("2024-01-01T00:00:00.500Z", "2024-01-01T00:00:00Z"), 1);
  EXPECT_EQ(compared("2024-01-01T00:00:00.50", "2024-01-01 00:00:00,5z"), 0);
  EXPECT_EQ(compared("2024-01-01T01:30:00+02:00", "2024-01-01T00:00:00Z"), -1);
  EXPECT_EQ(compared("20240101T013000+0130", "2024-01-01T00:00:00Z"), 0);
  EXPECT_EQ(compared("2024-02-29T24:00", "2024-03-01T01:00+01"), 0);
  EXPECT_EQ(compared("1969-12-31T23:59:59.9999999999", "1970-01-01"), -1);
  for (const auto* bad : {"", "2024", "2024-01", "20240101", "2023-02-29", "2024-13-01", "2024-01-01T", "2024-01-01T10",
                          "20240101T10:00", "2024-01-01T25:00", "2024-01-01T10:60", "2024-01-01T10:00:00.",
                          "2024-01-01T10:00Zx", "2024-01-01T10:00+2", "2024-01-01x"})
    EXPECT_FALSE(IsoInstant::parse(bad)) << bad;
}

}  // namespace
}  // namespace slicemill
