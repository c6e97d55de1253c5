#include "cli/client/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kSomeId = "0f6c1d2e-0000-4000-8000-000000000001";

Table executions(const std::string& name) {
  return {
      {{"ID", ColumnKind::id}, {"NAME", ColumnKind::free}, {"STATUS", ColumnKind::status}, {"N", ColumnKind::number}},
      {{kSomeId, name, "failed", "5"}, {kSomeId, "b", "running", "1,000"}}};
}

TEST(Table, ColumnsAreAlignedWithoutBlanksAtTheEnd) {
  const Table table{{{"A"}, {"N", ColumnKind::number}, {"B"}}, {{"x", "5", "long text"}, {"yyy", "1,000", ""}}};
  EXPECT_EQ(render(table, {}),
            "A        N  B\n"
            "x        5  long text\n"
            "yyy  1,000\n");
}

TEST(Table, NothingIsCutForAPipe) {
  const std::string name(500, 'x');
  EXPECT_THAT(render(executions(name), {}), HasSubstr(kSomeId + "  " + name));
}

TEST(Table, ANarrowTerminalShortensIdsBeforeNames) {
  const std::string shown = render(executions("a name"), {.width = 40});
  EXPECT_THAT(shown, HasSubstr("0f6c1d2e  a name"));
  EXPECT_THAT(shown, Not(HasSubstr(kSomeId)));
  const std::string cut = render(executions("a name that is far too long"), {.width = 40});
  EXPECT_THAT(cut, HasSubstr("0f6c1d2e  a name that i…  failed"));
  EXPECT_EQ(render(executions("a name"), {.width = 100}), render(executions("a name"), {}));
}

TEST(Table, WhatIsNotAnIdAStatusOrFreeTextIsLeftOutAtLast) {
  const Table table{{{"ID", ColumnKind::id},
                     {"NAME", ColumnKind::free},
                     {"STATUS", ColumnKind::status},
                     {"SLICES", ColumnKind::number},
                     {"AGE", ColumnKind::text}},
                    {{kSomeId, "a name that is far too long", "failed", "100,000", "4m"}}};
  EXPECT_EQ(render(table, {.width = 40}),
            "ID        NAME          STATUS   SLICES\n"
            "0f6c1d2e  a name that…  failed  100,000\n");
  EXPECT_EQ(render(table, {.width = 34}),
            "ID        NAME          STATUS\n"
            "0f6c1d2e  a name that…  failed\n");
  EXPECT_THAT(render(table, {.width = 34, .drops = false}), HasSubstr("AGE"));
}

TEST(Table, WideCharactersTakeTwoColumns) {
  const Table table{{{"NAME"}, {"X"}}, {{"日本", "1"}, {"abcd", "2"}}};
  EXPECT_EQ(render(table, {}), "NAME  X\n日本  1\nabcd  2\n");
}

TEST(Table, ControlCharactersOfNamesAreWrittenOut) {
  EXPECT_THAT(render(executions("a\x1b[31m\n\u202e"), {}), HasSubstr("a\\x1b[31m\\n\\u202e"));
}

TEST(Table, StatusesAreColouredOnlyWhereThatWasAskedFor) {
  EXPECT_THAT(render(executions("a"), {.width = 200, .colour = true}), HasSubstr("\x1b[31mfailed\x1b[0m "));
  EXPECT_THAT(render(executions("a"), {.width = 200}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace slicemill::cli
