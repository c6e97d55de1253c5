// What a list of a full registry costs the server: finding the page, reading its documents, printing them. 100,000 jobs
// and as many executions; the work of the loop thread for one request, without sockets. Times are of the processor, so
// that other work on the machine does not count; wall times stand beside them.
//
//   registry_bench [ROWS, default 100000] [REPETITIONS, default 25]
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/json.h"
#include "master/executions/execution_documents.h"
#include "master/registry/registry.h"

namespace slicemill::master {
namespace {

using Clock = std::chrono::steady_clock;

constexpr WallMs kBegin = 1'790'000'000'000;
constexpr int kRowsPerBatch = 1'000;

Json job_body(int i) {
  Json reader = {{"_op", "file_reader"}, {"path", "/data/input"}, {"format", "ldjson"}, {"size", "10MB"}};
  Json sender = {{"_op", "file_exporter"}, {"path", "/data/output"}, {"format", "ldjson"}, {"compression", "gzip"}};
  Json job = {{"name", fmt::format("import {} of team {}", i, i * 7 % 50)},
              {"lifecycle", i % 3 == 0 ? "persistent" : "once"},
              {"workers", 1 + i * 13 % 20},
              {"slicers", 1 + i % 4},
              {"operations", {reader, {{"_op", "filter"}, {"field", "http.status"}, {"min", 400}}, sender}}};
  if (i % 5 == 0) job["assets"] = {"standard", fmt::format("bundle{}", i % 100)};
  return job;
}

const JobDialect& dialect() {
  return api::teraslice::job_dialect();
}

std::string id_of(const char* kind, int i) {
  return fmt::format("{}a50580c-4a50-48d9-80f8-{:012}", kind, i);
}

RegistryBatch batch_of(Registry& registry, int first, int end) {
  constexpr ExecutionStatus kStatuses[] = {ExecutionStatus::completed, ExecutionStatus::completed,
                                           ExecutionStatus::failed, ExecutionStatus::stopped};
  static const DataLayout layout = DataLayout::of("/data");
  RegistryBatch batch;
  for (int i = first; i < end; ++i) {
    const WallMs at = kBegin + static_cast<WallMs>(i) * 7'919 % 1'000'003 * 1'000;
    batch.jobs.push_back(make_job(JobId(id_of("5", i)), registry.new_job_seq(), job_body(i), at, dialect()));
    ExecutionOrigin creation;
    creation.ex_id = ExecutionId(id_of("e", i));
    creation.seq = registry.new_execution_seq();
    creation.job_id = JobId(id_of("5", i));
    creation.now = at;
    creation.document = job_body(i);
    creation.spec = *job_spec_from_json(creation.document);
    ExecutionRow row = make_execution(std::move(creation), layout, dialect());
    row.status = kStatuses[i % 4];
    row.has_errors = row.status == ExecutionStatus::failed;
    if (row.has_errors) row.reason = fmt::format("execution: had {} slice failures during processing", i % 9);
    batch.executions.push_back(std::move(row));
  }
  return batch;
}

// Each write after the answer to the one before, as from a client; nobody lists anything meanwhile.
void fill(AsioLoop& loop, Registry& registry, int rows) {
  std::function<void(int)> write_from = [&](int first) {
    if (first >= rows) return loop.stop();
    const int end = std::min(first + kRowsPerBatch, rows);
    registry.write(batch_of(registry, first, end), [&, end](const Result<void>& written) {
      if (!written) {
        fmt::print(stderr, "registry_bench: {}\n", written.error().message);
        std::exit(1);
      }
      write_from(end);
    });
  };
  write_from(0);
  loop.run();
}

struct Case {
  const char* name;
  bool jobs;
  const char* filter;
  const char* sort;
  std::int64_t from = 0;
};

constexpr Case kCases[] = {
    {"jobs", true, "", ""},
    {"jobs, page 900", true, "", "", 90'000},
    {"jobs, sorted by name", true, "", "name:asc"},
    {"jobs, sorted by lifecycle", true, "", "lifecycle:asc"},
    {"jobs, sorted by max_retries", true, "", "max_retries:desc"},
    {"jobs, sorted by lifecycle, workers, name", true, "", "lifecycle:asc,workers:desc,name:asc"},
    {"jobs, a word that all have", true, "name:import", ""},
    {"jobs, a word that one has", true, "name:77777", ""},
    {"jobs, a keyword", true, "lifecycle:persistent", ""},
    {"jobs, three tests, sorted", true, "name:\"team 7\" AND workers:[3 TO 9] AND NOT lifecycle:once", "name:desc"},
    {"jobs, a wildcard", true, "name:imp*t AND assets:bundle4?", ""},
    {"jobs, a regular expression", true, "name:/[0-9]*99/", ""},
    {"jobs, a word in any field", true, "standard", ""},
    {"executions", false, "", ""},
    {"executions, failed ones", false, "_status:failed AND _updated:>2026-09-25", ""},
    {"executions, of one job", false, "job_id:\"5a50580c-4a50-48d9-80f8-000000004711\"", ""},
    {"executions, by reason", false, "_failureReason:\"8 slice failures\"", "_created:asc"},
};

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// Bytes of the body; the time is of all that the loop thread does.
std::size_t answer(Registry& registry, const Case& wanted) {
  const auto fields = wanted.jobs ? dialect().job_fields() : dialect().execution_fields();
  ListQuery query;
  query.from = wanted.from;
  if (*wanted.filter != 0) query.filter = *api::teraslice::parse_filter(wanted.filter, fields, kBegin);
  if (*wanted.sort != 0) query.sort = *query::parse_sort(wanted.sort, fields);
  // As the API prints lists.
  std::string body;
  const auto print = [&body](const std::string& doc, JsonMembers members) {
    body += json_text(doc, {.indent = 4, .depth = 1, .laid_over = std::move(members)});
  };
  if (wanted.jobs) {
    for (const auto seq : *registry.job_page(query)) {
      const auto row = registry.job_beginning(seq);
      print((*row)->doc, dialect().job_members(facts_of(**row)));
    }
  } else {
    for (const auto seq : *registry.execution_page(query)) {
      const auto row = registry.execution_beginning(seq);
      print((*row)->doc, dialect().execution_members(facts_of(**row)));
    }
  }
  return body.size();
}

int run(int rows, int repetitions) {
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("slicemill-registry-bench-{}", getpid());
  std::filesystem::create_directories(directory);
  AsioLoop loop;
  auto registry = Registry::open(loop, (directory / "registry.sqlite").string(), dialect());
  if (!registry) {
    fmt::print(stderr, "registry_bench: {}\n", registry.error().message);
    return 1;
  }
  const auto before = Clock::now();
  fill(loop, **registry, rows);
  const std::chrono::duration<double> filled = Clock::now() - before;
  fmt::print("{} jobs and executions written in {:.1f} s\n", rows, filled.count());
  for (const bool jobs : {true, false}) {
    const double begin = cpu_ms();
    (void)answer(**registry, {"first", jobs, "", ""});
    fmt::print("first list of {} after the writes: {:.1f} ms\n", jobs ? "jobs" : "executions", cpu_ms() - begin);
  }
  fmt::print("{:<45} {:>8} {:>8} {:>8} {:>12} {:>12}\n", "list", "cpu ms", "least", "most", "wall median",
             "body bytes");
  for (const Case& wanted : kCases) {
    std::vector<double> cpu;
    std::vector<double> wall;
    std::size_t bytes = 0;
    for (int i = 0; i < repetitions; ++i) {
      const auto begin = Clock::now();
      const double cpu_begin = cpu_ms();
      bytes = answer(**registry, wanted);
      cpu.push_back(cpu_ms() - cpu_begin);
      wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    }
    std::ranges::sort(cpu);
    std::ranges::sort(wall);
    fmt::print("{:<45} {:>8.2f} {:>8.2f} {:>8.2f} {:>12.2f} {:>12}\n", wanted.name, cpu[cpu.size() / 2], cpu.front(),
               cpu.back(), wall[wall.size() / 2], bytes);
  }
  registry->reset();
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace slicemill::master

int main(int count, char** arguments) {
  const int rows = count > 1 ? std::atoi(arguments[1]) : 100'000;
  const int repetitions = count > 2 ? std::atoi(arguments[2]) : 25;
  return slicemill::master::run(std::max(rows, 1), std::max(repetitions, 1));
}
