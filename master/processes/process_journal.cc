#include "master/processes/process_journal.h"

#include <utility>
#include <vector>

namespace slicemill::master {

namespace {
constexpr Duration kWriteAgain = std::chrono::seconds(1);
}

void ProcessJournal::started(const ProcessRow& process) {
  waiting_.processes.push_back(process);
  write();
}

void ProcessJournal::gone(const ProcessIdentity& process) {
  // Rows are put before others are erased: one that waits itself is simply not put.
  std::erase_if(waiting_.processes, [&](const ProcessRow& row) { return row.process == process; });
  waiting_.gone_processes.push_back(process);
  write();
}

void ProcessJournal::when_written(std::function<void()> task) {
  afters_.push_back(std::move(task));
  if (!writing_) tell();
}

void ProcessJournal::tell() {
  for (const auto& task : std::exchange(afters_, {})) task();
}

// One write at a time: an earlier note that failed never overtakes a later one.
void ProcessJournal::write() {
  if (writing_) return;
  writing_ = true;
  RegistryBatch batch = std::exchange(waiting_, {});
  registry_.write(batch, [this, alive = std::weak_ptr<int>(alive_), batch](const Result<void>& result) {
    if (!alive.expired()) written(batch, result);
  });
}

void ProcessJournal::written(RegistryBatch batch, const Result<void>& result) {
  if (result) {
    writing_ = false;
    if (!waiting_.processes.empty() || !waiting_.gone_processes.empty())
      write();
    else
      tell();
    return;
  }
  tell();
  const auto later = std::exchange(waiting_, std::move(batch));
  for (const auto& process : later.gone_processes) {
    std::erase_if(waiting_.processes, [&](const ProcessRow& row) { return row.process == process; });
    waiting_.gone_processes.push_back(process);
  }
  waiting_.processes.insert(waiting_.processes.end(), later.processes.begin(), later.processes.end());
  loop_.after(kWriteAgain, [this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    writing_ = false;
    write();
  });
}

}  // namespace slicemill::master
