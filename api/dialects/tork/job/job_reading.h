// From the text of a request to a job: types, unknown fields, rules. Pure, any thread.
//
// Texts of errors are those that clients of Tork know, with the place in our form behind them where theirs lack one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/dialects/tork/job/job_fields.h"
#include "api/dialects/tork/job/tork_job.h"
#include "core/runtime/result.h"

namespace slicemill::api::tork {

enum class BodyFormat : std::uint8_t { json, yaml };

// What a Content-Type stands for; parameters such as a charset do not matter.
// invalid: "missing content type", "unknown content type: <value>".
Result<BodyFormat> body_format(std::string_view content_type);

// Whom a permission may name. Without a function any name is taken.
struct Accounts {
  std::function<bool(const std::string&)> has_user{};
  std::function<bool(const std::string&)> has_role{};
};

// JSON: fields in any case, values of exactly their types. YAML: fields as they are written here, scalars for texts as
// they stand in the text; only the first document is read.
// invalid: no JSON or YAML (with line and column), an empty text ("EOF"), unknown fields and values of wrong types (all
// of them in YAML, each with its line), or a line for each rule that is broken.
Result<TorkJob> read_job(std::string_view text, BodyFormat format, JobKind kind, const Accounts& accounts = {});

// "Key: 'Job.Tasks[0].Name' Error:Field validation for 'Name' failed on the 'required' tag", one line for each rule
// that is broken; "" if none is. given_empty: lists that were given without an item, by their key.
std::string broken_rules(const TorkJob& job, JobKind kind, const Accounts& accounts,
                         const std::function<bool(const std::string&)>& given_empty);

}  // namespace slicemill::api::tork
