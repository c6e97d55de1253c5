// What documents of executions say, and how a command prints them. Pure functions but print and disk; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/table.h"
#include "cli/command_line.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"

namespace slicemill::cli {

// Members, with "" or 0 for what is missing or of another type.
std::string text_of(const Json& object, std::string_view member);
std::int64_t number_of(const Json& object, std::string_view member);
bool has_number(const Json& object, std::string_view member);
// An object, empty if there is none.
const Json& object_of(const Json& object, std::string_view member);

WallMs wall_now();
// Of a document's date; nothing if it is none.
std::optional<WallMs> time_of(const Json& object, std::string_view member);
// "850 ms", "12 s", "4 min 10 s", "3 h 5 min", "2 d 4 h".
std::string duration_text(std::int64_t milliseconds);
// How long ago, in one unit: "12s", "4m", "3h", "2d".
std::string age_text(std::optional<WallMs> time, WallMs now);
// "850 B", "1.2 MB": units of 1000.
std::string bytes_text(double bytes);
// What an execution's ledger and logs take on this machine's disk; nothing if they are not on it.
std::optional<std::uint64_t> disk_bytes(const Json& execution);
// The same as text, "" if there is nothing to tell.
std::string disk_text(const Json& execution);
// The value of an option: "2h", "30d", "1 day", as core/runtime/text.h has it, with d and w too.
Result<std::int64_t> parse_period_ms(std::string_view text);

std::string to_yaml(const Json& value);

// A column of a list: its title, and what stands in it for a document.
struct DocumentColumn {
  std::string title;
  ColumnKind kind = ColumnKind::text;
  std::function<std::string(const Json& document)> cell;
  bool wide_only = false;
};

Table table_of(const std::vector<Json>& documents, const std::vector<DocumentColumn>& columns, bool wide);

// To standard output, in the form that was asked for: documents as they are, or their table.
void print_documents(const CommandLine& line, const std::vector<Json>& documents,
                     const std::vector<DocumentColumn>& columns);
// One document as JSON or YAML. Requires: one of these was asked for.
void print_document(OutputFormat format, const Json& document);
bool is_data_format(OutputFormat format);

}  // namespace slicemill::cli
