// Processes of one program that were started ahead, for whoever is next (core/runtime/standby_process.h).
//
// Owner: a launcher; loop thread. They are replaced a moment after one was taken, so that starting them does not slow
// what was just started. One that dies is replaced with the next one that is taken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/asio_loop.h"
#include "core/runtime/process.h"
#include "core/runtime/standby_process.h"

namespace slicemill::master {

class StandbyPool {
 public:
  StandbyPool(AsioLoop& loop, std::string program, std::vector<std::pair<std::string, std::string>> environment,
              int count);
  ~StandbyPool();
  StandbyPool(const StandbyPool&) = delete;
  StandbyPool& operator=(const StandbyPool&) = delete;

  // The process that took the order; nothing if there is none that fits, so one must be started.
  std::optional<ProcessIdentity> take(const ProcessSpec& spec);
  // How many wait for an order.
  std::size_t size() const { return standbys_.size(); }

 private:
  struct Standby {
    std::unique_ptr<StandbyProcess> process;
    std::unique_ptr<ProcessWatch> watch;
  };

  void fill_later();
  void fill();
  void add(std::unique_ptr<StandbyProcess> process);

  AsioLoop& loop_;
  const std::string program_;
  const std::vector<std::pair<std::string, std::string>> environment_;
  const std::size_t count_;
  std::vector<Standby> standbys_;
  Loop::TimerId timer_ = 0;
  bool filling_ = false;  // one is being started
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::master
