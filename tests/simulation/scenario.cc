#include "tests/simulation/scenario.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "connectors/sink_types.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"
#include "tests/simulation/cluster.h"

namespace slicemill::simulation {

namespace {

constexpr Nanoseconds kTurmoil = 4 * kSecond;      // faults and verbs come within it
constexpr Nanoseconds kPatience = 1200 * kSecond;  // then it must be done
constexpr Nanoseconds kAnswer = 200 * kSecond;     // a verb to a living master
constexpr Nanoseconds kLeaving = 320 * kSecond;    // a worker that nobody knows any more gives up by itself
constexpr int kMostRecoveries = 60;
constexpr const char* kOutput = "/out";
constexpr const char* kJoined = "/out/all.ldjson";
constexpr const char* kAlso = "/also";  // the second sink of a graph

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options), cluster_(options.seed, options.directory), world_(cluster_.world) {}

  RunReport run() {
    draw_job();
    count_kills();
    cluster_.start_master();
    submit();
    draw_faults();
    draw_verbs();
    world_.run_until(kTurmoil, [] { return false; });
    make_peace();
    const bool done = world_.run_until(world_.now() + kPatience, [this] { return done_; });
    if (!done && world_.violated().empty())
      world_.violation(fmt::format("it is not completed after {} s of peace: {}", kPatience / kSecond, where()));
    if (world_.violated().empty()) {
      world_.run_until(world_.now() + kLeaving, [] { return false; });
      check_end();
    }
    return {.violated = world_.violated(),
            .trace = world_.trace(),
            .events = world_.events(),
            .virtual_seconds = static_cast<double>(world_.now()) / kSecond,
            .kills = kills_,
            .slices = slices_,
            .slices_begun = cluster_.checks.slices_begun(),
            .outputs = cluster_.checks.outputs_published(),
            .recoveries = recoveries_,
            .matrix_fired = matrix_fired_};
  }

 private:
  // ---- the job ----
  void draw_job() {
    slices_ = 5 + world_.below(250);
    const std::uint64_t per_slice = 1 + world_.below(4);
    records_ = slices_ * per_slice - world_.below(per_slice);
    joined_ = options_.matrix_point == "joined" || world_.chance(0.3);
    is_silent_ = options_.matrix_point.empty() && !joined_ && world_.chance(0.25);
    Json sender = {{"_op", "file_exporter"}, {"path", joined_ ? kJoined : kOutput}, {"format", "ldjson"}};
    if (joined_) sender["single_file"] = true;
    if (is_silent_) sender = {{"_op", "noop"}};
    is_patient_ = world_.chance(0.2);
    speculates_ = options_.matrix_point == "doubled" || world_.chance(0.5);
    job_ = {{"name", "simulated"},
            {"lifecycle", "once"},
            {"workers", 1 + world_.below(4)},
            {"slicers", 1 + world_.below(3)},
            {"max_retries", is_patient_ ? 12 : world_.below(4)},
            {"analytics", false},
            {"log_level", options_.verbose ? "info" : "fatal"},
            {"operations", Json::array({draw_reader(per_slice), std::move(sender)})}};
    if (!is_silent_ && options_.matrix_point.empty() && world_.chance(0.3)) make_graph(per_slice);
    // Not drawn: what the other seeds draw stays as it was.
    if (options_.matrix_point.empty() && options_.seed % 5 == 3) {
      make_tasks();
      return;
    }
    if (!speculates_) return;
    job_["workers"] = 2 + world_.below(3);
    job_["speculation"] = true;
    job_["speculation_min_runtime"] = 50 + world_.below(200);
    job_["speculation_max_percent"] = 25 + world_.below(75);
  }

  // Tasks in its place, which publish nothing.
  void make_tasks() {
    is_tasks_ = is_silent_ = true;
    is_graph_ = joined_ = speculates_ = from_file_ = false;
    bad_.clear();
    bad_ids_.clear();
    for (const char* member : {"sources", "sinks"}) job_.erase(member);
    const Json tasks = draw_tasks(world_);
    job_["operations"] = {{{"_op", "tasks"}, {"tasks", tasks}}, {{"_op", "task"}}};
    job_["slicers"] = 1;
    cluster_.checks.expect_tasks(parse_tasks(tasks).root);
    records_ = slices_ = cluster_.checks.tasks()->tasks();
  }

  // The same with a second source, of the numbers that follow, and a second sink: all records come to both.
  void make_graph(std::uint64_t per_slice) {
    is_graph_ = true;
    Json first = job_["operations"][0];
    Json sink = job_["operations"][1];
    job_.erase("operations");
    first["id"] = "first";
    const std::uint64_t further = 1 + world_.below(60);
    const Json second = {
        {"id", "second"}, {"_op", "id_range"}, {"start", records_}, {"end", records_ + further}, {"size", per_slice}};
    records_ += further;
    sink["from"] = {"first", "second"};
    job_["sources"] = {std::move(first), second};
    job_["sinks"] = {std::move(sink), {{"from", {"first", "second"}}, {"_op", "file_exporter"}, {"path", kAlso}}};
  }

  // Numbers, or a file of them with some lines that are no records: those must end in the quarantine.
  Json draw_reader(std::uint64_t per_slice) {
    if (is_silent_ || world_.chance(0.6))
      return {{"_op", "id_range"}, {"start", 0}, {"end", records_}, {"size", per_slice}};
    std::string text;
    for (std::uint64_t id = 0; id < records_; ++id) {
      const bool is_bad = world_.chance(0.04);
      if (is_bad) bad_.insert(fmt::format("{{\"id\":{}", id));
      text += fmt::format("{{\"id\":{}{}\n", id, is_bad ? "" : "}");
      if (is_bad) bad_ids_.insert(id);
    }
    cluster_.disk.put("/in/numbers.ldjson", text);
    from_file_ = true;
    return {{"_op", "file_reader"},
            {"path", "/in/numbers.ldjson"},
            {"format", "ldjson"},
            {"size", std::max<std::uint64_t>(16, text.size() / slices_)},
            {"_dead_letter_action", "quarantine"}};
  }

  void submit() {
    ask([this](auto& service) { service.submit(job_, {}, [](const Result<Submitted>&) {}); });
  }

  // ---- asking the master ----
  void ask(const std::function<void(master::MasterService&)>& question) {
    Process* master = cluster_.master();
    if (master == nullptr) return;
    world_.at(world_.now() + 2 * kMillisecond, master, [this, question] { question(cluster_.service()); });
  }
  // An answer within its time, as long as that master lives (I8).
  template <typename T>
  Reply<T> expect(const std::string& verb, std::function<void(const Result<T>&)> then = {}) {
    auto answered = std::make_shared<bool>(false);
    world_.at(world_.now() + kAnswer, cluster_.master(), [this, answered, verb] {
      if (!*answered) world_.violation(fmt::format("I8: {} was not answered within {} s", verb, kAnswer / kSecond));
    });
    return [answered, then = std::move(then)](const Result<T>& result) {
      *answered = true;
      if (then) then(result);
    };
  }

  std::optional<master::ExecutionRow> latest() {
    if (cluster_.master() == nullptr) return std::nullopt;
    const auto jobs = cluster_.registry().jobs({});
    if (!jobs || jobs->empty()) return std::nullopt;
    const auto row = cluster_.registry().latest_execution(jobs->front().job_id);
    return row ? *row : std::nullopt;
  }

  std::string where() {
    const auto row = latest();
    if (!row) return "there is no execution";
    std::string reason = row->reason;
    if (cluster_.master() != nullptr)
      cluster_.service().get_execution(row->ex_id, [&](const Result<ShownDocument>& shown) {
        if (const auto text = shown ? shown_text(*shown, std::nullopt) : Result<std::string>(shown.error()))
          reason += " " + *text;
      });
    return fmt::format("{} is {} ({})", row->ex_id.text, to_string(row->status), reason);
  }

  // ---- turmoil ----
  void count_kills() {
    const auto before = cluster_.world.on_death;
    cluster_.world.on_death = [this, before](Process& process) {
      if (process.exit.signal != 0) ++kills_;
      before(process);
    };
  }

  Process* any(ProcessKind kind) {
    const auto living = world_.living(kind);
    return living.empty() ? nullptr : living[world_.below(living.size())];
  }

  void at(Nanoseconds time, std::function<void()> task) { world_.at(time, nullptr, std::move(task)); }

  void restart_master_later() {
    at(world_.now() + world_.between(10 * kMillisecond, 1500 * kMillisecond), [this] { cluster_.start_master(); });
  }

  void kill(const std::string& victim) {
    if (victim == "all" || victim == "power") {
      power_failed_ = power_failed_ || victim == "power";
      cluster_.kill_all(victim == "power");
    } else {
      const auto kind = victim == "worker"       ? ProcessKind::worker
                        : victim == "controller" ? ProcessKind::controller
                                                 : ProcessKind::master;
      if (Process* process = any(kind)) world_.kill(*process, SIGKILL);
    }
    if (cluster_.master() == nullptr) restart_master_later();
  }

  void draw_faults() {
    if (speculates_) cluster_.odds.straggles = 0.2;
    if (!options_.matrix_point.empty()) {
      const std::uint64_t nth = 1 + world_.below(options_.matrix_point == "dispatched" ? 10 : 5);
      auto passes = std::make_shared<std::uint64_t>(0);
      const bool once = options_.matrix_point == "created" || options_.matrix_point == "joined" ||
                        options_.matrix_point == "terminal" || options_.matrix_point == "paused" ||
                        options_.matrix_point == "doubled" || options_.matrix_point == "stopping";
      world_.on_step = [this, passes, nth = once ? 1 : nth](Process&, std::string_view what) {
        if (what != options_.matrix_point || matrix_fired_ > 0 || ++*passes < nth) return;
        ++matrix_fired_;
        kill(options_.matrix_victim);
      };
      return;
    }
    quiet_network_ = world_.chance(0.4);
    if (!quiet_network_) {
      cluster_.network.slow_frames = world_.chance(0.5) ? 0.05 : 0;
      cluster_.network.full_buffers = world_.chance(0.5) ? 0.02 : 0;
      // Not drawn: what the other seeds draw stays as it was.
      cluster_.network.doubled_frames = options_.seed % 4 == 0 ? 0.05 : 0;
      cluster_.network.lost_frames = options_.seed % 4 == 1 ? 0.05 : 0;
    }
    if (world_.chance(0.4)) cluster_.odds.fails = world_.chance(0.5) ? 0.03 : 0.3;
    if (world_.chance(0.3)) cluster_.odds.kills = 0.005;
    if (!speculates_ && world_.chance(0.3)) cluster_.odds.straggles = 0.01;
    had_io_errors_ = world_.chance(0.15);
    if (had_io_errors_) cluster_.disk.io_errors = 0.002;
    const std::uint64_t faults = world_.below(9);
    for (std::uint64_t i = 0; i < faults; ++i) at(some_time(), [this] { one_fault(); });
    if (joined_ && world_.chance(0.5)) at(some_time(), [this] { put_strange_file(); });
    // The n-th step of a kind of process, wherever that is.
    const std::uint64_t step_kills = world_.below(4);
    struct StepKill {
      ProcessKind kind;
      std::uint64_t left;
      std::string victim;
    };
    auto plans = std::make_shared<std::vector<StepKill>>();
    for (std::uint64_t i = 0; i < step_kills; ++i) {
      const auto kind = static_cast<ProcessKind>(1 + world_.below(3));
      plans->push_back({kind, 1 + world_.below(600), any_victim(to_string(kind))});
    }
    world_.on_step = [this, plans](Process& process, std::string_view what) {
      if (what == "doubled" && world_.chance(0.6)) meet_double();
      for (auto& plan : *plans) {
        if (plan.kind != process.kind || plan.left == 0 || --plan.left > 0) continue;
        if (plan.victim == to_string(process.kind)) {
          world_.kill(process, SIGKILL);
          if (cluster_.master() == nullptr || &process == cluster_.master()) restart_master_later();
        } else {
          kill(plan.victim);
        }
      }
    };
  }

  // Few faults would meet a second attempt by chance, least of all while it runs.
  void meet_double() {
    const Nanoseconds latest = world_.chance(0.5) ? 3 * kMillisecond : 200 * kMillisecond;
    at(world_.now() + world_.between(0, latest), [this] { kill("worker"); });
  }

  std::string any_victim(std::string_view usual) {
    if (world_.chance(0.75)) return std::string(usual);
    return world_.chance(0.5) ? "all" : "power";
  }

  // Most of a run is over early.
  Nanoseconds some_time() {
    return world_.chance(0.7) ? world_.between(10 * kMillisecond, 1200 * kMillisecond) : world_.between(0, kTurmoil);
  }

  // Somebody else's file has the name that the joined output wants: it must stay as it is.
  void put_strange_file() {
    if (cluster_.disk.tree().contains(kJoined)) return;
    strange_file_ = true;
    cluster_.disk.put(kJoined, "not ours\n");
  }

  void one_fault() {
    const std::uint64_t which = world_.below(11);
    log(LogLevel::info, "---- fault {} at {:.6f} s", which, static_cast<double>(world_.now()) / kSecond);
    switch (which) {
      case 0:
        kill("worker");
        break;
      case 1:
        kill("controller");
        break;
      case 2:
        kill("master");
        break;
      case 3:
        kill("all");
        break;
      case 4:
        kill("power");
        break;
      case 5:  // SIGSTOP, for a moment or beyond the lease
        if (Process* process = any(static_cast<ProcessKind>(1 + world_.below(3)))) {
          world_.stop(*process);
          quiet_network_ = false;
          at(world_.now() + world_.between(10 * kMillisecond, 12 * kSecond),
             [this, process] { world_.resume(*process); });
        }
        break;
      case 6:
        if (!quiet_network_) cluster_.network.break_one(world_.between(kMillisecond, 200 * kMillisecond));
        break;
      case 7:
        if (Process* process = any(static_cast<ProcessKind>(2 + world_.below(2))); process && !quiet_network_)
          cluster_.network.cut_off(*process, world_.between(50 * kMillisecond, 12 * kSecond));
        break;
      case 8:
        world_.jump_wall_clock(world_.between(-7'200'000, 7'200'000));
        break;
      case 10: {  // a worker that comes back late to another controller
        Process* worker = any(ProcessKind::worker);
        Process* controller = any(ProcessKind::controller);
        if (worker == nullptr || controller == nullptr || quiet_network_) break;
        cluster_.network.cut_off(*worker, world_.between(400 * kMillisecond, 3 * kSecond));
        at(world_.now() + world_.between(0, 20 * kMillisecond),
           [this, controller] { world_.kill(*controller, SIGKILL); });
        break;
      }
      case 9:
        cluster_.disk.is_full = true;
        at(world_.now() + world_.between(50 * kMillisecond, 3 * kSecond), [this] { cluster_.disk.is_full = false; });
        break;
    }
  }

  void draw_verbs() {
    std::uint64_t verbs = world_.below(5);
    if (options_.matrix_point == "paused" || options_.matrix_point == "stopping") {
      const bool pause = options_.matrix_point == "paused";
      at(400 * kMillisecond, [this, pause] { verb(pause ? 0 : 2); });
      return;
    }
    if (!options_.matrix_point.empty()) verbs = 0;
    for (std::uint64_t i = 0; i < verbs; ++i) at(some_time(), [this] { verb(world_.below(5)); });
  }

  void verb(std::uint64_t which) {
    const auto row = latest();
    if (!row) return;
    const ExecutionId id = row->ex_id;
    log(LogLevel::info, "---- verb {} at {:.6f} s", which, static_cast<double>(world_.now()) / kSecond);
    switch (which) {
      case 0:
        ask([this, id](auto& service) {
          service.pause(id, expect<ExecutionStatus>("pause", [this, id](const Result<ExecutionStatus>& answer) {
                          if (answer && *answer == ExecutionStatus::paused && quiet_network_ && !resumed_)
                            cluster_.checks.paused(id.text);
                        }));
        });
        return;
      case 1:
        resume(id);
        return;
      case 2: {
        StopRequest request;
        request.blocking = world_.chance(0.5);
        request.force = world_.chance(0.3);
        if (world_.chance(0.5)) request.timeout_ms = static_cast<std::int64_t>(world_.below(2000));
        ask([this, id, request](auto& service) { service.stop(id, request, expect<StopAnswer>("stop")); });
        return;
      }
      case 3: {
        const auto change = static_cast<WorkerChange>(world_.below(3));
        const auto count = static_cast<std::int64_t>(1 + world_.below(3));
        ask([this, id, change, count](auto& service) {
          service.change_workers(id, change, count, expect<WorkersAnswer>("workers"));
        });
        return;
      }
      case 4:
        recover(id, static_cast<CleanupType>(world_.below(4)));
        return;
    }
  }

  void resume(const ExecutionId& id) {
    resumed_ = true;  // whichever of the two is heard first
    cluster_.checks.not_paused(id.text);
    ask([this, id](auto& service) {
      service.resume(id, expect<ExecutionStatus>("resume", [this, id](const Result<ExecutionStatus>&) {
                       cluster_.checks.not_paused(id.text);
                     }));
    });
  }

  void recover(const ExecutionId& id, CleanupType cleanup) {
    ask([this, id, cleanup](auto& service) {
      service.recover(id, {.cleanup = cleanup}, expect<Submitted>("recover", [this](const Result<Submitted>& answer) {
                        if (answer) ++recoveries_;
                      }));
    });
  }

  // ---- peace ----
  void make_peace() {
    // Frames are lost in peace too, for a while: an execution's last words are spoken there.
    if (cluster_.network.lost_frames > 0) at(world_.now() + 20 * kSecond, [this] { cluster_.network.lost_frames = 0; });
    // Slices that fail for a while and second attempts are most of all at a job's end, which comes in peace.
    cluster_.odds = {.fails = is_patient_ ? cluster_.odds.fails : 0,
                     .kills = 0,
                     .straggles = speculates_ && options_.matrix_point.empty() ? 0.1 : 0};
    world_.on_step = [this](Process&, std::string_view what) {
      if (what == "doubled" && options_.matrix_point.empty() && doubles_to_meet_-- > 0) meet_double();
    };
    cluster_.network.slow_frames = cluster_.network.full_buffers = cluster_.network.doubled_frames = 0;
    cluster_.disk.is_full = false;
    cluster_.disk.io_errors = 0;
    if (strange_file_) {
      const auto node = cluster_.disk.tree().find(kJoined);
      if (node == cluster_.disk.tree().end() || node->second.inode->data != "not ours\n")
        world_.violation("I2: somebody else's file was replaced");
      cluster_.disk.take_away(kJoined);
    }
    for (const auto kind : {ProcessKind::master, ProcessKind::controller, ProcessKind::worker})
      for (Process* process : world_.living(kind)) world_.resume(*process);
    cluster_.start_master();
    look_after();
  }

  // What a user does: looks at the status, resumes what is paused, recovers what ended otherwise than completed.
  void look_after() {
    at(world_.now() + 250 * kMillisecond, [this] { look_after(); });
    if (cluster_.master() == nullptr) cluster_.start_master();
    if (done_) return;  // what follows is waiting for those who leave
    const auto row = latest();
    if (!row) {
      if (world_.now() - submitted_again_ > 5 * kSecond) {
        submitted_again_ = world_.now();
        submit();
      }
      return;
    }
    // A recovery of one cleanup type replays and cuts no new slices: what it leaves is another recovery's.
    if (row->status == ExecutionStatus::completed && row->cleanup == CleanupType::none) {
      done_ = true;
    } else if (row->status == ExecutionStatus::paused) {
      resume(row->ex_id);
    } else if (is_terminal(row->status)) {
      if (recoveries_ < kMostRecoveries) recover(row->ex_id, CleanupType::none);
    }
  }

  // ---- the end ----
  void check_end() {
    const auto row = latest();
    if (!row || row->status != ExecutionStatus::completed) {
      world_.violation(fmt::format("I4: it was completed, and now {}", where()));
      return;
    }
    check_processes();
    const auto files = cluster_.disk.files_of(cluster_.user);
    if (!is_silent_) check_records(*files, kOutput);
    if (is_graph_) check_records(*files, kAlso);
    check_ledger(*row, *files);
    if (is_tasks_) cluster_.checks.tasks()->check_end(world_.slicer_turns(), recoveries_);
  }

  void check_processes() {
    for (const auto kind : {ProcessKind::controller, ProcessKind::worker})
      for (const Process* process : world_.living(kind))
        world_.violation(fmt::format("a {} (pid {}) is left over", to_string(kind), process->pid));
  }

  // I1, I2: each record once.
  void check_records(Files& files, const char* root) {
    std::vector<bool> seen(records_, false);
    std::uint64_t count = 0;
    for (const auto& [path, node] : cluster_.disk.tree()) {
      if (node.is_directory || !path.starts_with(root)) continue;
      if (path.find("/.") != std::string::npos) {
        // Cleaning up is not synced: a power failure may bring back what was removed. Nor is it tried again.
        if (!power_failed_ && !had_io_errors_) world_.violation(fmt::format("{} is left over", path));
        continue;
      }
      const auto text = read_whole_file(files, path);
      if (!text) continue;
      for (const auto& line : split(*text, '\n')) {
        if (line.empty()) continue;
        const auto record = parse_json(line);
        if (!record) {
          world_.violation(fmt::format("I2: {} holds a broken record: {}", path, line));
          return;
        }
        const auto id = record->at("id").get<std::uint64_t>();
        if (id >= records_ || seen[id] || bad_ids_.contains(id)) {
          world_.violation(fmt::format("I2: record {} is there twice, in {}", id, path));
          return;
        }
        seen[id] = true;
        ++count;
      }
    }
    for (const auto id : bad_ids_) seen[id] = true;
    if (count + bad_ids_.size() == records_) return;
    const auto missing = std::find(seen.begin(), seen.end(), false) - seen.begin();
    world_.violation(
        fmt::format("I1: {} of {} records are in {}; the first that is not: {}", count, records_, root, missing));
  }

  void check_ledger(const master::ExecutionRow& row, Files& files) {
    const auto view = view_ledger(cluster_.layout.ledger_directory(row.ex_id.text));
    if (!view) {
      world_.violation("the ledger cannot be read: " + view.error().message);
      return;
    }
    const auto counts = (*view)->open_counts();
    if (!counts || counts->error + counts->pending + counts->start > 0)
      world_.violation(counts ? fmt::format("I1: completed with {} pending, {} start and {} error slices",
                                            counts->pending, counts->start, counts->error)
                              : counts.error().message);
    const auto& header = (*view)->header();
    // Output and quarantine together are the input.
    const auto quarantined = (*view)->quarantine(std::nullopt, 0, records_ + 1);
    std::multiset<std::string> kept;
    if (quarantined)
      for (const auto& bad : *quarantined) kept.insert(bad.record.bytes);
    if (!std::equal(kept.begin(), kept.end(), bad_.begin(), bad_.end()))
      world_.violation(fmt::format("I1: {} records are quarantined, {} are bad", kept.size(), bad_.size()));
    if (!from_file_ && !is_graph_ && header.lineage.size() == 1 && header.counters.processed != expected_slices())
      world_.violation(fmt::format("the ledger counts {} processed slices, there were {}", header.counters.processed,
                                   expected_slices()));
    if (is_silent_) {
      if (header.lineage.size() == 1 && header.counters.records_in != records_)
        world_.violation(
            fmt::format("I1: the ledger counts {} records, there were {}", header.counters.records_in, records_));
      return;
    }
    const auto execution = parse_job_spec(header.execution);
    if (!execution) return;
    auto publisher =
        make_publisher(*execution, sink_types(), {header.lineage, files, header.joined, process_connections()});
    if (!publisher || !*publisher) {
      world_.violation("there is no publisher");
      return;
    }
    const auto report =
        (*publisher)
            ->verify([&](const OutputVisitor& visit) { return (*view)->for_each_output(visit); }, header.joined, {});
    if (!report || !report->clean())
      world_.violation(report ? fmt::format("I2: verify finds {} missing, {} altered, {} extra of {}",
                                            report->missing_count, report->altered_count, report->extra_count,
                                            report->expected)
                              : "I2: verify: " + report.error().message);
  }

  // Several slicers cut whole slices each.
  std::uint64_t expected_slices() const {
    if (is_tasks_) return records_;
    const auto size = job_["operations"][0]["size"].get<std::uint64_t>();
    return (records_ + size - 1) / size;
  }

  const RunOptions options_;
  Cluster cluster_;
  World& world_;
  Json job_;
  std::uint64_t slices_ = 0;
  std::uint64_t records_ = 0;
  bool joined_ = false;
  bool is_patient_ = false;  // whatever fails succeeds in the end
  bool speculates_ = false;
  int doubles_to_meet_ = 3;  // in peace
  bool is_silent_ = false;   // it publishes nothing, so that the ledger alone knows what is done
  bool quiet_network_ = true;
  bool done_ = false;
  bool is_graph_ = false;
  bool is_tasks_ = false;
  bool from_file_ = false;
  std::set<std::uint64_t> bad_ids_;
  std::multiset<std::string> bad_;  // their lines
  bool power_failed_ = false;
  bool had_io_errors_ = false;
  bool resumed_ = false;
  bool strange_file_ = false;
  std::uint64_t kills_ = 0;
  std::uint64_t recoveries_ = 0;
  std::uint64_t matrix_fired_ = 0;
  Nanoseconds submitted_again_ = 0;
};

}  // namespace

RunReport run_once(const RunOptions& options) {
  return Run(options).run();
}

}  // namespace slicemill::simulation
