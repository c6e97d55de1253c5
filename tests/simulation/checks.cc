#include "tests/simulation/checks.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "core/model/job_spec.h"
#include "core/outputs/output_hash.h"
#include "core/runtime/json.h"

namespace slicemill::simulation {
namespace {

// Sizes and checksums of the files of an output.
void note_committed(std::set<std::pair<std::uint64_t, std::uint64_t>>& committed, const OutputFacts& facts) {
  if (facts.sinks.empty()) committed.emplace(facts.bytes, facts.checksum);
  for (const OutputFacts& sink : facts.sinks) committed.emplace(sink.bytes, sink.checksum);
}

}  // namespace

// Passes everything on, and tells what is durable before anybody else learns of it.
class Checks::Ledger final : public SliceLedger {
 public:
  Ledger(Checks& checks, Process& process, std::unique_ptr<SliceLedger> inner)
      : checks_(checks), process_(process), inner_(std::move(inner)), ex_id_(inner_->header().lineage.back()) {
    checks_.loaded(ex_id_, *inner_);
  }
  const LedgerHeader& header() const override { return inner_->header(); }
  void write(LedgerBatch batch, std::function<void(Result<void>)> synced) override {
    auto facts = std::make_shared<LedgerBatch>(batch);
    inner_->write(std::move(batch), [this, facts, synced = std::move(synced)](const Result<void>& result) {
      if (result) checks_.synced(ex_id_, *facts);
      if (synced) synced(result);
    });
  }
  std::size_t backlog() const override { return inner_->backlog(); }
  Result<std::vector<OpenRange>> open_ranges() const override { return inner_->open_ranges(); }
  Result<std::vector<OpenRow>> rows(std::optional<SliceKey> after, std::size_t limit) const override {
    return inner_->rows(after, limit);
  }
  Result<std::vector<CommittedOutput>> unpublished_outputs() const override { return inner_->unpublished_outputs(); }
  Result<void> for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const override {
    return inner_->for_each_output(visit);
  }
  Result<std::vector<OpenRow>> errors(std::uint64_t from, std::uint64_t size) const override {
    return inner_->errors(from, size);
  }
  Result<std::vector<QuarantineRow>> quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                std::uint64_t size) const override {
    return inner_->quarantine(after, skip, size);
  }
  Result<std::vector<SliceTry>> tries(std::uint64_t skip, std::uint64_t size) const override {
    return inner_->tries(skip, size);
  }
  Result<std::uint32_t> quarantined_of(const SliceKey& key) const override { return inner_->quarantined_of(key); }
  Result<OpenCounts> open_counts() const override { return inner_->open_counts(); }
  Result<SourceProgress> source_progress() const override { return inner_->source_progress(); }
  // A process that was killed flushes nothing.
  Result<void> close() override { return process_.alive ? inner_->close() : Result<void>(); }

 private:
  Checks& checks_;
  Process& process_;
  std::unique_ptr<SliceLedger> inner_;
  std::string ex_id_;
};

class Checks::Store final : public LedgerStore {
 public:
  Store(Checks& checks, Process& process) : checks_(checks), process_(process) {}
  bool exists(const std::string& directory) override { return rocks_ledgers().exists(directory); }
  Result<std::unique_ptr<SliceLedger>> create(Loop& loop, const std::string& directory,
                                              const LedgerCreate& facts) override {
    return observed(rocks_ledgers().create(loop, directory, facts));
  }
  Result<std::unique_ptr<SliceLedger>> open(Loop& loop, const std::string& directory, std::uint64_t epoch) override {
    return observed(rocks_ledgers().open(loop, directory, epoch));
  }
  Result<std::unique_ptr<SliceLedger>> open_next_epoch(Loop& loop, const std::string& directory) override {
    return observed(rocks_ledgers().open_next_epoch(loop, directory));
  }
  Result<std::unique_ptr<SliceLedger>> recover(Loop& loop, const std::string& directory,
                                               const LedgerRecover& facts) override {
    return observed(rocks_ledgers().recover(loop, directory, facts));
  }

 private:
  Result<std::unique_ptr<SliceLedger>> observed(Result<std::unique_ptr<SliceLedger>> opened) {
    if (!opened) return opened.error();
    return std::unique_ptr<SliceLedger>(std::make_unique<Ledger>(checks_, process_, std::move(*opened)));
  }
  Checks& checks_;
  Process& process_;
};

std::unique_ptr<LedgerStore> Checks::ledgers_of(Process& process) {
  return std::make_unique<Store>(*this, process);
}

void Checks::loaded(const std::string& ex_id, const SliceLedger& ledger) {
  Durable& durable = durable_[ex_id];
  std::map<SliceKey, std::string> open;
  if (const auto ranges = ledger.open_ranges())
    for (const auto& range : *ranges)
      for (auto i = range.from; i < range.to; ++i) {
        durable.created.insert(range.run->key(i));
        if (tasks_) open.emplace(range.run->key(i), range.run->request(i));
      }
  std::optional<SliceKey> after;
  while (true) {
    const auto rows = ledger.rows(after, 1000);
    if (!rows || rows->empty()) break;
    for (const auto& row : *rows) {
      note_row(durable, row);
      if (tasks_) open.emplace(row.key, row.request);
    }
    after = rows->back().key;
  }
  if (tasks_) tasks_->opened(open);
  (void)ledger.for_each_output([&](const CommittedOutput& output) -> Result<void> {
    note_committed(durable.committed, output.facts);
    return {};
  });
  if (ledger.header().joined) note_committed(durable.committed, ledger.header().joined->facts);
  durable.outcome = ledger.header().outcome;
  if (const auto job = parse_job_spec(ledger.header().execution)) durable.speculates = job->speculation.enabled;
}

void Checks::synced(const std::string& ex_id, const LedgerBatch& batch) {
  Durable& durable = durable_[ex_id];
  for (const auto& run : batch.created)
    for (std::uint64_t i = 0; i < run.count(); ++i) {
      durable.created.insert(run.key(i));
      if (tasks_) tasks_->created(run.key(i), run.request(i));
    }
  for (const auto& row : batch.rows) note_row(durable, row);
  std::set<SliceKey> failed;
  for (const auto& row : batch.rows) failed.insert(row.key);
  for (const auto& key : batch.settled)
    if (!failed.contains(key)) completed(key);
  for (const auto& range : batch.settled_ranges)
    for (auto order = range.first; order <= range.last; ++order) completed({range.generation, range.slicer, order});
  for (const auto& output : batch.committed) {
    const auto latest = durable.dispatched.find(output.key);
    const bool is_rival =
        durable.speculates && latest != durable.dispatched.end() && output.attempt.epoch == latest->second.epoch;
    if (latest != durable.dispatched.end() && output.attempt < latest->second && !is_rival)
      world_.violation(fmt::format("I3: attempt {}.{} of slice {}/{} committed, but {}.{} had been dispatched",
                                   output.attempt.epoch, output.attempt.n, output.key.slicer, output.key.order,
                                   latest->second.epoch, latest->second.n));
    const auto [earlier, is_first] = durable.committed_as.emplace(output.key, output.attempt);
    if (!is_first)
      world_.violation(fmt::format("I2: slice {}/{} committed as attempt {}.{} and as {}.{}", output.key.slicer,
                                   output.key.order, earlier->second.epoch, earlier->second.n, output.attempt.epoch,
                                   output.attempt.n));
  }
  for (const auto& output : batch.committed) note_committed(durable.committed, output.facts);
  if (batch.joined) note_committed(durable.committed, batch.joined->facts);
  if (batch.outcome) durable.outcome = batch.outcome;
}

void Checks::note_row(Durable& durable, const OpenRow& row) {
  durable.created.insert(row.key);
  auto& tries = durable.noted_tries[row.key];
  tries = std::max<std::uint64_t>(tries, row.retries + row.crashes);
}

void Checks::completed(const SliceKey& key) {
  if (tasks_) tasks_->completed(key);
  if (!ran_.contains(key))
    world_.violation(fmt::format("I1: slice {}/{} is completed though no worker ever ran it", key.slicer, key.order));
}

void Checks::on_controller_start(const Process& process) {
  if (tasks_) tasks_->on_controller_start();
  for (const Process* other : world_.living(ProcessKind::controller))
    if (other != &process && other->execution == process.execution)
      world_.violation(fmt::format("I3: execution {} has two living controllers, {} and {}", process.execution,
                                   other->pid, process.pid));
}

void Checks::on_send(Process& from, std::string_view frame) {
  if (from.kind == ProcessKind::worker) on_worker_sends(from, frame);
  if (from.kind != ProcessKind::controller) return;
  auto message = wire::decode(frame);
  if (!message) {
    world_.violation("a frame that does not decode was sent");
    return;
  }
  Durable& durable = durable_[from.execution];
  if (auto* dispatch = std::get_if<wire::Dispatch>(&*message)) {
    for (const auto& slice : wire::take_slices(*dispatch)) {
      Attempt& latest = durable.dispatched[slice.key];
      check_tries(durable, slice, latest);
      if (slice.attempt <= latest)
        world_.violation(fmt::format("I3: slice {}/{} was dispatched as attempt {}.{} after {}.{}", slice.key.slicer,
                                     slice.key.order, slice.attempt.epoch, slice.attempt.n, latest.epoch, latest.n));
      latest = slice.attempt;
      if (tasks_) tasks_->dispatched(slice.key);
      if (!durable.created.contains(slice.key))
        world_.violation(fmt::format("I5: slice {}/{} was dispatched before its creation was durable", slice.key.slicer,
                                     slice.key.order));
    }
  }
  if (const auto* finished = std::get_if<wire::Finished>(&*message)) {
    if (!durable.outcome || finished->status != to_string(durable.outcome->status))
      world_.violation(fmt::format("I5: the controller says {} and its ledger does not", finished->status));
  }
}

void Checks::on_worker_sends(const Process& worker, std::string_view frame) {
  const auto message = wire::decode(frame);
  const auto* const results = message ? std::get_if<wire::Results>(&*message) : nullptr;
  if (results == nullptr) return;
  Durable& durable = durable_[worker.execution];
  for (const auto& result : results->results)
    if (result.outcome == wire::Outcome::failed) durable.last_failed[result.key] = {result.attempt, worker.pid};
}

// A slice is tried again by the controller that gave it away, and its worker lives: then the controller took the
// result. The row of that try may be on its way to the disk, the one before is there.
void Checks::check_tries(Durable& durable, const wire::SliceOrder& slice, const Attempt& latest) {
  const auto failed = durable.last_failed.find(slice.key);
  if (durable.speculates || failed == durable.last_failed.end()) return;
  const auto [attempt, worker] = failed->second;
  if (attempt != latest || slice.attempt.epoch != latest.epoch) return;
  const auto workers = world_.living(ProcessKind::worker);
  if (std::none_of(workers.begin(), workers.end(), [&](const Process* one) { return one->pid == worker; })) return;
  const std::uint64_t tries = ++durable.failed_tries[slice.key];
  if (tries > durable.noted_tries[slice.key] + 1)
    world_.violation(fmt::format("{} tries of slice {}/{} failed, its ledger knows of {}", tries, slice.key.slicer,
                                 slice.key.order, durable.noted_tries[slice.key]));
}

void Checks::on_renamed(Process& process, const std::string& name, const std::string& content, bool replaced) {
  if (name.find("/.slicemill/") != std::string::npos && name.find("/parts/") == std::string::npos) return;
  if (process.kind != ProcessKind::controller)
    world_.violation(fmt::format("I3: a {} published {}", to_string(process.kind), name));
  if (replaced) world_.violation(fmt::format("I2: {} was there and was replaced", name));
  OutputHash hash;
  hash.reset();
  hash.update(content);
  if (!durable_[process.execution].committed.contains({content.size(), hash.digest()}))
    world_.violation(fmt::format("I2: {} was published before its commit was durable", name));
  const auto [place, fresh] = published_.emplace(name, content);
  if (!fresh && place->second != content)
    world_.violation(fmt::format("I2: {} was published twice with different contents", name));
}

void Checks::on_slice_begun(const Process& worker, const wire::SliceOrder& slice) {
  ++begun_;
  ran_.insert(slice.key);
  const auto paused = paused_.find(worker.execution);
  if (paused != paused_.end() && world_.now() > paused->second + 100 * kMillisecond)
    world_.violation(fmt::format("I8: slice {}/{} began {} ms after the answer to a pause", slice.key.slicer,
                                 slice.key.order, (world_.now() - paused->second) / kMillisecond));
}

void Checks::paused(const std::string& ex_id) {
  paused_.emplace(ex_id, world_.now());
}

}  // namespace slicemill::simulation
