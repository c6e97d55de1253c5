#include "core/model/job_settings.h"

#include "core/runtime/json.h"
#include "core/runtime/json_text.h"

namespace slicemill {

Result<JobSpec> parse_job_settings(std::string_view text) {
  // What the first version stored is read whole: its settings stand elsewhere.
  if (text.size() <= kLargeDocument || !text.starts_with(R"({"version":)")) return parse_job_spec(text);
  return parse_job_spec(json_text(
      text, {.laid_over = {{"operations", "[]"}}, .left_out = {"params", "params_given", "redriven_records"}}));
}

}  // namespace slicemill
