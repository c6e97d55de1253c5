// Input: a letter (j: JSON, y: YAML, s: JSON of a schedule), and the text of a job of tasks. What is read can be
// written and read again; an error says something.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/dialects/tork/job/cron.h"
#include "api/dialects/tork/job/job_documents.h"
#include "api/dialects/tork/job/job_reading.h"
#include "api/dialects/tork/job/list_request.h"
#include "api/dialects/tork/job/redaction.h"

namespace {

using namespace slicemill;
using namespace slicemill::api::tork;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kind = data[0] == 's' ? JobKind::scheduled_job : JobKind::job;
  (void)list_query(text);
  (void)check_cron(text);
  const auto job = read_job(text, data[0] == 'y' ? BodyFormat::yaml : BodyFormat::json, kind);
  if (!job) {
    if (job.error().message.empty()) std::abort();
    return 0;
  }
  const auto definition = definition_of(*job, kind);
  if (!can_be_json_text(definition.dump(-1, ' ', false, Json::error_handler_t::replace))) std::abort();
  const auto again = read_job(to_compact_text(definition), BodyFormat::json, kind);
  if (!again || to_compact_text(definition_of(*again, kind)) != to_compact_text(definition)) std::abort();
  auto document = job_document(*job, JobState());
  Redaction(job->secrets).apply(document);
  return 0;
}
