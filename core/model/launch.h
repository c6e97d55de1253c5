// What the master hands to a controller at its start, as a JSON file that only the two of them read.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "core/model/execution.h"
#include "core/model/job_spec.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// Exit codes with a meaning beyond that of the command line's (cli/exit_codes.h).
inline constexpr int kOutOfMemoryExit = 5;  // a worker
inline constexpr int kObstructedExit = 6;   // an obstacle ended it, that is no failed start
inline constexpr int kLedgerHeldExit = 7;   // a controller: another process holds or makes the ledger, no failed start

// A controller that ends with an error prints the reason in one line on its standard error, behind this. By the pid a
// master tells it from those of earlier controllers of the execution.
std::string controller_last_words(std::int64_t pid);

// In a worker's environment: the public key of its controller. Taken out before any operation runs.
inline constexpr const char* kControllerKeyVariable = "SLICEMILL_CONTROLLER_KEY";

// Time limits of an execution. Milliseconds.
struct ExecutionSettings {
  std::int64_t slicer_timeout_ms = 180'000;             // no worker ever connected -> failed
  std::int64_t worker_disconnect_timeout_ms = 300'000;  // all workers gone for this long -> failed
  std::int64_t shutdown_timeout_ms = 60'000;            // deadline of a stop that names none
  std::int64_t beat_ms = 1'000;                         // lease renewal of workers and controllers
  std::int64_t lease_ms = 5'000;                        // silent for this long: lost
  std::int64_t reattach_ms = 500;                       // how long open slices wait for known workers after a restart
  std::int64_t min_status_ms = 150;                     // how long `recovering` stays visible
  std::int64_t retry_base_ms = 100;                     // first backoff, doubles with jitter

  // Who rests (a worker without a slice, the controller of a paused execution) keeps nothing from going on: its lease
  // is longer, and its renewal (core/runtime/pulse.h) costs no message. Two signs fit into that lease.
  std::int64_t rest_lease_ms() const { return 2 * lease_ms; }
  std::int64_t pulse_ms() const { return std::max<std::int64_t>(1, rest_lease_ms() * 2 / 5); }
};

struct ControllerLaunch {
  std::string ex_id;
  std::string job_id;
  std::uint64_t epoch = 1;
  JobSpec job;
  std::string ledger_directory;         // exists already: go on with it; otherwise it is created, unless it was made
  bool ledger_was_made = false;         // known to be: if it is not there, it is lost
  bool master_notes_ledger = false;     // no slice goes out before the master says that it knows of the ledger
  std::string source_ledger_directory;  // recoveries: the ended ledger; "" otherwise
  CleanupType cleanup = CleanupType::none;
  std::string master_endpoint;        // ipc://...
  std::string controller_endpoint;    // ipc://... or tcp://... that it binds for its workers
  std::string controller_public_key;  // of CURVE (core/wire/zmq_channel.h); "" over ipc
  std::string controller_secret_key;
  std::string marker_directory;  // in which workers note what they have begun (core/runtime/in_flight_marker.h)
  std::string log_path;
  std::uint32_t living_workers =
      0;  // of an earlier controller: after a restart their slices wait for them, for reattach_ms at most
  ExecutionSettings settings;

  Json to_json() const;
  static Result<ControllerLaunch> from_json(const Json& json);
};

Json to_json(const ExecutionSettings& settings);
Result<ExecutionSettings> execution_settings_from_json(const Json& json);

// Where things are below a data directory, and its private runtime directory: sockets only, which can be made anew at
// any time. Their paths end at 107 bytes, so that place is short, whatever the data directory is called.
struct DataLayout {
  std::string data;
  std::string runtime;  // /tmp/slicemill-<uid>-<8 hexadecimal digits>

  // The digits are a hash of the path. A master's differ: see master/data_directory.h.
  static DataLayout of(const std::string& data_directory);  // absolute path
  static DataLayout of(const std::string& data_directory, const std::string& digits);
  std::string lock_file() const { return data + "/lock"; }
  std::string registry_file() const { return data + "/registry.sqlite"; }
  std::string assets_directory() const { return data + "/assets"; }
  std::string ledger_directory(const std::string& ex_id) const { return data + "/ledgers/" + ex_id; }
  std::string log_directory(const std::string& ex_id) const { return data + "/logs/" + ex_id; }
  std::string marker_directories() const { return data + "/begun"; }
  std::string marker_directory(const std::string& ex_id) const { return marker_directories() + "/" + ex_id; }
  std::string launch_file(const std::string& ex_id) const { return data + "/launch/" + ex_id + ".json"; }
  std::string master_endpoint() const { return "ipc://" + runtime + "/master"; }
  std::string controller_endpoint(const std::string& ex_id) const { return "ipc://" + runtime + "/" + ex_id; }
};

}  // namespace slicemill
