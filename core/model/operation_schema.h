// What the rest of the system knows of an operation without linking it: its name, kind, options and promises. One
// description drives validation, JSON Schema, `slicemill ops`, the docs and the dashboard's editor.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/job_spec.h"
#include "core/model/job_warning.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

enum class OptionType {
  text,     // non-empty unless allow_empty
  integer,  // integer text is coerced, floats are truncated
  number,
  boolean,      // true false "true" "false" 1 0 "1" "0"
  text_list,    // array of text; one text counts as a list of one
  bytes,        // integer, or text such as "10MB"; normalised to an integer
  duration_ms,  // integer, or text such as "5 minutes"; normalised to integer milliseconds
  object,
  any,
};

// Whether a text of an option may be a date that counts from the execution's start (core/model/job_dates.h), and which
// end of the period that it means.
enum class DateUse : std::uint8_t { none, from, until };

struct OptionSpec {
  std::string name{};
  OptionType type = OptionType::any;
  std::string description{};  // one sentence, with the unit
  Json default_value{};       // null: no default
  bool required = false;
  std::vector<std::string> choices{};  // for text: the only values
  std::optional<double> minimum{}, maximum{};
  bool allow_empty = false;
  std::string replacement{};       // deprecated: the option to use instead
  bool no_effect = false;          // checked and kept, but nothing here reads it
  bool is_path = false;            // a file system path or a list of them: relative ones follow the PathRule
  bool is_output = false;          // a path that is written to: it may have placeholders (core/model/output_path.h)
  bool is_code = false;            // a program or its arguments: `${` may mean something to it
  bool names_connections = false;  // an object whose values are names of connections
  DateUse date = DateUse::none;
};

enum class OperationKind { reader, processor, sender };

// How the output of an operation comes to count.
enum class CommitClass : std::uint8_t {
  none,           // it writes nowhere
  staged,         // a worker stages, the ledger decides, the controller publishes
  claimed,        // a worker commits in the target, with a claim that only one attempt of a slice can have
  at_least_once,  // what an attempt writes stays
};

// How often a record of one slice may reach the outside: what the commit class promises.
enum class Delivery { none, exactly_once, at_least_once };
Delivery delivery_of(CommitClass commit);

std::string_view to_string(OperationKind kind);
std::string_view to_string(Delivery delivery);
std::string_view to_string(CommitClass commit);

// Where relative paths in operation options are allowed to point from.
struct PathRule {
  bool allow_relative = false;  // the master refuses them (with the absolute suggestion); `run` resolves them
  std::string base;             // directory that they are resolved against, or that the suggestion uses
};

// What an operation is judged beside: a job that is valid otherwise, with all options normalised.
class OperationCatalog;
struct JobScope {
  const JobSpec& job;
  const PathRule& paths;
  std::size_t node = 0;  // the operation's, in the job's plan
  const OperationCatalog& catalog;
};

struct OperationSchema {
  std::string name{};
  OperationKind kind = OperationKind::processor;
  std::string description{};
  std::vector<OptionSpec> options{};
  std::string connection_type{};  // of the named connection that a job must give it; "": it has none
  CommitClass commit = CommitClass::none;
  bool uses_standard_output = false;  // of the worker
  bool needs_whole_slice = false;
  bool repeatable = true;  // running it again on the same slice gives the same result and no second effect
  // What it does with the metadata of records (core/model/record_metadata.h).
  bool sets_key = false;
  bool sets_route = false;
  bool loses_metadata = false;  // the records that it gives are its own, whatever came
  // Checks that span several options; `options` is normalised already. The error starts with the option's name.
  std::function<Result<void>(const Json& options)> check{};
  // What is certain to go wrong behind the operations that come before, each with its options as they run. Nothing; or
  // an option, and what is to be said of it. Only asked if all of them are valid.
  struct PlaceWarning {
    std::string option, description;
  };
  std::function<std::optional<PlaceWarning>(const Json& options, std::span<const OperationSpec> before)> check_place{};
  // Checks against the rest of the job. It may look at the file system.
  std::function<Result<void>(const Json& options, const JobScope& scope)> check_job{};
  // Settles what relative names in the options mean that are no paths by themselves. Of valid options.
  std::function<void(Json& options, const PathRule& paths)> place{};
};

class OperationCatalog {
 public:
  virtual ~OperationCatalog() = default;
  virtual const OperationSchema* find(std::string_view name) const = 0;
  virtual std::vector<const OperationSchema*> all() const = 0;  // readers, processors, senders; by name within a kind
};

// JSON Schema (2020-12) of the operation's options.
Json json_schema(const OperationSchema& schema);

// One problem of a job, placed: path is e.g. {"operations", "0", "size"}.
struct ValidationIssue {
  std::vector<std::string> path;
  std::string message;
};

// invalid: "expected number, received string".
Error wrong_type(std::string_view expected, const Json& value);

struct ValidatedOptions {
  Json options;                         // given ones coerced, defaults filled in, unknown ones kept
  std::vector<ValidationIssue> issues;  // empty: valid
  std::vector<JobWarning> warnings;     // unknown keys, with a suggestion where one is near
};

// Given null counts as not given (except for `any`, where it is a value). Keys beginning with '_' are the dialect's and
// are left alone here.
ValidatedOptions validate_options(const OperationSchema& schema, const Json& given);
// The same against a bare list of specs (top level of a job).
ValidatedOptions validate_against(const std::vector<OptionSpec>& specs, const Json& given);

}  // namespace slicemill
