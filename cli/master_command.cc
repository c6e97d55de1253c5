// `slicemill master`: the process's wiring. Order of opening is order of dependence; shutting down goes the other way.
#include <fmt/format.h>
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/dialects/dialects.h"
#include "api/events/event_routes.h"
#include "api/http/openapi.h"
#include "api/http/origin_guard.h"
#include "api/http/router.h"
#include "api/http/server.h"
#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/default_dialect.h"
#include "cli/listeners.h"
#include "cli/master_options.h"
#include "cli/settings.h"
#include "cli/version.h"
#include "core/model/launch.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/children.h"
#include "core/runtime/config.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/process.h"
#include "core/runtime/text.h"
#include "core/wire/zmq_channel.h"
#include "master/master.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

// A large document lies in one block. From the first that is given back on, the allocator would keep such blocks, one
// heap for each executor, unless it is told where large begins; then each goes back to the system at once.
constexpr int kLargeBlock = 1 << 20;

class MasterProcess {
 public:
  MasterProcess(const Settings& settings, ConnectionBook connections, std::vector<Listener> listeners)
      : settings_(settings), connections_(std::move(connections)), listeners_(std::move(listeners)) {}

  Result<void> open() {
    set_fault_process("master");
    raise_open_file_limit();  // one descriptor per connection, child and channel
    // Whatever limit is reached later, requests are answered and statuses recorded.
    RETURN_IF_ERROR(
        loop_.keep({Loop::Executor::store, Loop::Executor::query, Loop::Executor::assets, Loop::Executor::spawn}));
    RETURN_IF_ERROR(prepare_zmq_channels(static_cast<int>(ExitCode::cannot_start)));
    ASSIGN_OR_RETURN(const master::MasterOptions options, master_options(settings_, connections_));
    ASSIGN_OR_RETURN(master_, master::Master::open(loop_, options, dialect::job_dialect(), builtin_operations()));
    RETURN_IF_ERROR(
        start_logging({.path = options.data + "/logs/master.log", .process = "master", .level = options.log_level}));
    for (const api::DialectEntry& entry : api::dialects())
      RETURN_IF_ERROR(router_.mount(entry.routes(services(), entry.prefix)));
    RETURN_IF_ERROR(router_.mount(api::events_dialect(master_->events())));
    RETURN_IF_ERROR(router_.mount(api::openapi_dialect(router_, SLICEMILL_VERSION)));
    api::HttpOptions http;
    http.address = options.bind;
    http.port = static_cast<std::uint16_t>(options.port);
    http.allowed_hosts = words_of(settings_.text("allowed_hosts"));
    ASSIGN_OR_RETURN(server_, api::start_http_server(loop_, http, router_));
    for (const Listener& listener : listeners_) RETURN_IF_ERROR(listen_too(listener, http));
    return {};
  }

  // Until a signal.
  void run() {
    loop_.on_signals([this](int number) { on_signal(number); });
    const std::string url = listening_url(settings_.text("bind"), server_->port());
    log(LogLevel::info, "listening on {}, data directory {}", url, settings_.text("data"));
    say(stdout, fmt::format("listening on {}\n", url));
    for (const Further& further : further_) {
      const std::string place = listening_url(further.listener.address, further.server->port());
      log(LogLevel::info, "listening on {} for clients of {}", place, further.listener.dialect);
      say(stdout, fmt::format("listening on {} ({})\n", place, further.listener.dialect));
    }
    loop_.run();
  }

 private:
  // A port with one dialect at its root.
  struct Further {
    Listener listener;
    std::unique_ptr<api::Router> router;
    std::unique_ptr<api::HttpServer> server;
  };

  api::DialectServices services() { return {master_->service(), master_->views(), master_->assets()}; }

  Result<void> listen_too(const Listener& listener, api::HttpOptions http) {
    Further further{listener, std::make_unique<api::Router>(), nullptr};
    const api::DialectEntry* entry = api::find_dialect(listener.dialect);
    RETURN_IF_ERROR(further.router->mount(entry->routes(services(), "")));
    http.address = listener.address;
    http.port = listener.port;
    ASSIGN_OR_RETURN(further.server, api::start_http_server(loop_, http, *further.router));
    further_.push_back(std::move(further));
    return {};
  }

  void stop_servers() {
    auto left = std::make_shared<std::size_t>(1 + further_.size());
    const auto stopped = [this, left] {
      if (--*left == 0) loop_.stop();
    };
    server_->stop(stopped);
    for (const Further& further : further_) further.server->stop(stopped);
  }

  // The first signal drains: answers in flight are given, what was asked is made durable. The second SIGINT does not
  // wait.
  void on_signal(int number) {
    if (number == SIGINT && interrupted_) {
      flush_log();
      _exit(static_cast<int>(ExitCode::interrupted));
    }
    interrupted_ = interrupted_ || number == SIGINT;
    if (draining_) return;
    draining_ = true;
    log(LogLevel::info, "signal {}: draining", number);
    if (number == SIGINT) say(stderr, "draining; a second interrupt quits at once\n");
    master_->shut_down([this] { stop_servers(); });
  }

  const Settings& settings_;
  const ConnectionBook connections_;
  const std::vector<Listener> listeners_;
  AsioLoop loop_;
  api::Router router_;
  std::unique_ptr<master::Master> master_;
  std::unique_ptr<api::HttpServer> server_;
  std::vector<Further> further_;
  bool draining_ = false;
  bool interrupted_ = false;
  OrphanReaper orphans_{loop_};
};

}  // namespace

ExitCode run_master(const CommandLine& line) {
  const auto settings = settings_of(line);
  if (!settings) return report(settings.error(), ExitCode::bad_input);
  for (const std::string& warning : settings->warnings()) report_warning(warning);
  std::signal(SIGPIPE, SIG_IGN);
  mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  const auto hosts = api::OriginGuard::make(settings->text("bind"), words_of(settings->text("allowed_hosts")));
  if (!hosts) return report(hosts.error(), ExitCode::bad_input);
  auto listeners = parse_listeners(words_of(settings->text("listeners")), settings->text("bind"),
                                   static_cast<std::uint16_t>(settings->number("port")));
  if (!listeners) return report(listeners.error(), ExitCode::bad_input);
  auto connections = configured_connections(*settings);
  if (!connections) return report(connections.error(), ExitCode::bad_input);
  MasterProcess process(*settings, std::move(*connections), std::move(*listeners));
  if (const auto opened = process.open(); !opened) {
    const Error& error = opened.error();
    // Whatever keeps a master from its port and its data directory is a reason not to start; only a full or damaged
    // disk is more.
    const bool storage = error.code == ErrorCode::no_space || error.code == ErrorCode::corrupt;
    return report(error, storage ? ExitCode::storage : ExitCode::cannot_start);
  }
  process.run();
  return ExitCode::ok;
}

}  // namespace slicemill::cli
