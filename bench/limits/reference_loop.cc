// The limit for slices: a controller and its workers with nothing but what durability asks for.
//
//   reference_loop --slices N [--workers 2] [--frames 16] [--batch 16] [--transport ipc|tcp] [--directory D]
//
// Slices of 200 bytes go to worker processes over ZeroMQ in frames of `batch`, `frames` of them under way per worker;
// the creations of a block are synced before any of it is given, acknowledged slices are merged ranges in RocksDB that
// a thread of its own syncs, and at most kBacklog of them wait for it. No leases, no retries, no attempts, no JSON:
// what a real controller does beyond this is its cost. Prints one JSON object.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

namespace {

constexpr std::uint64_t kBacklog = 50'000;       // acknowledged and not synced
constexpr std::uint64_t kCreationBlock = 4'096;  // slices created with one sync
constexpr std::chrono::milliseconds kCommitEvery{10};

struct Options {
  std::uint64_t slices = 1'000'000;
  std::uint64_t batch = 16;
  int workers = 2;
  int frames = 16;
  std::string transport = "ipc";
  std::string directory;
  std::string worker_of;  // endpoint: this is a worker process
};

struct Slice {
  std::uint64_t id;
  char request[192];
};
struct Ack {
  std::uint64_t id;
  std::uint64_t records;
};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void set_unbounded(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::rcvhwm, 0);
}

// Acknowledges what it is given until an empty frame comes.
int work(const std::string& endpoint) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  set_unbounded(socket);
  socket.connect(endpoint);
  socket.send(zmq::str_buffer("ready"), zmq::send_flags::none);
  std::vector<Ack> acks;
  zmq::message_t frame;
  while (socket.recv(frame, zmq::recv_flags::none) && frame.size() > 0) {
    acks.resize(frame.size() / sizeof(Slice));
    const auto* slices = static_cast<const Slice*>(frame.data());
    for (std::size_t i = 0; i < acks.size(); ++i) acks[i] = {slices[i].id, 1};
    socket.send(zmq::buffer(acks), zmq::send_flags::none);
  }
  return 0;
}

// Done slices as merged ranges, creations as blocks; one thread syncs what has gathered.
class Ledger {
 public:
  explicit Ledger(const std::string& directory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(options, directory, &opened);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    database_.reset(opened);
    thread_ = std::thread([this] { commit_all(); });
  }
  ~Ledger() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
    rocksdb::FlushOptions flush;
    (void)database_->Flush(flush);
  }

  void created(std::uint64_t first, std::uint64_t count) {
    rocksdb::WriteBatch batch;
    put(batch, 'b', first, count);
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (!database_->Write(synced, &batch).ok()) std::abort();
  }

  // Waits while too much is unsynced.
  void done(std::uint64_t first, std::uint64_t count) {
    std::unique_lock lock(mutex_);
    synced_.wait(lock, [this] { return unsynced_ < kBacklog; });
    auto last = first + count;
    auto next = ranges_.find(last);
    if (next != ranges_.end()) {
      last = next->second;
      batch_.Delete(key('r', next->first));
      ranges_.erase(next);
    }
    auto before = ranges_.lower_bound(first);
    if (before != ranges_.begin() && std::prev(before)->second == first) first = std::prev(before)->first;
    ranges_[first] = last;
    put(batch_, 'r', first, last);
    unsynced_ += count;
  }

 private:
  static std::string key(char kind, std::uint64_t number) {
    std::string text(9, kind);
    for (std::size_t byte = 8; byte > 0; --byte, number >>= 8) text[byte] = static_cast<char>(number & 0xFF);
    return text;
  }
  static void put(rocksdb::WriteBatch& batch, char kind, std::uint64_t first, std::uint64_t value) {
    batch.Put(key(kind, first), std::to_string(value));
  }

  void commit_all() {
    rocksdb::WriteOptions options;
    options.sync = true;
    while (true) {
      rocksdb::WriteBatch batch;
      std::uint64_t slices = 0;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, kCommitEvery, [this] { return ending_; });
        if (batch_.Count() == 0 && ending_) return;
        std::swap(batch, batch_);
        slices = unsynced_;
      }
      if (batch.Count() > 0 && !database_->Write(options, &batch).ok()) std::abort();
      {
        const std::lock_guard lock(mutex_);
        unsynced_ -= slices;
      }
      synced_.notify_all();
    }
  }

  std::unique_ptr<rocksdb::DB> database_;
  std::mutex mutex_;
  std::condition_variable wake_, synced_;
  rocksdb::WriteBatch batch_;                        // guarded by mutex_
  std::uint64_t unsynced_ = 0;                       // guarded by mutex_
  bool ending_ = false;                              // guarded by mutex_
  std::map<std::uint64_t, std::uint64_t> ranges_{};  // guarded by mutex_; [first, end)
  std::thread thread_;
};

std::vector<pid_t> start_workers(const Options& options, const std::string& program, const std::string& endpoint) {
  std::vector<pid_t> pids;
  for (int i = 0; i < options.workers; ++i) {
    std::vector<std::string> words{program, "--worker-of", endpoint};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    if (posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ) != 0)
      throw std::runtime_error("a worker cannot be started");
    pids.push_back(pid);
  }
  return pids;
}

int control(const Options& options, const std::string& program) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::router);
  set_unbounded(socket);
  socket.bind(options.transport == "tcp" ? "tcp://127.0.0.1:*" : "ipc://" + options.directory + "/socket");
  const auto endpoint = socket.get(zmq::sockopt::last_endpoint);
  const auto pids = start_workers(options, program, endpoint);
  std::vector<std::string> workers;
  zmq::message_t sender, frame;
  while (workers.size() < pids.size()) {
    (void)socket.recv(sender, zmq::recv_flags::none);
    (void)socket.recv(frame, zmq::recv_flags::none);
    workers.push_back(sender.to_string());
  }

  double began = 0, cpu_began = 0, took = 0, cpu = 0;
  {
    Ledger ledger(options.directory + "/ledger");
    began = seconds();
    cpu_began = cpu_seconds(RUSAGE_SELF);
    std::uint64_t created = 0, given = 0, done = 0;
    std::vector<Slice> slices(options.batch);
    const auto give = [&](std::string_view worker) {
      const auto count = std::min<std::uint64_t>(options.batch, options.slices - given);
      if (count == 0) return;
      if (given + count > created) {
        const auto block = std::min<std::uint64_t>(kCreationBlock, options.slices - created);
        ledger.created(created, block);
        created += block;
      }
      for (std::uint64_t i = 0; i < count; ++i, ++given) {
        slices[i].id = given;
        std::memset(slices[i].request, static_cast<int>(given & 0x7F), sizeof slices[i].request);
      }
      socket.send(zmq::buffer(worker), zmq::send_flags::sndmore);
      socket.send(zmq::buffer(slices.data(), count * sizeof(Slice)), zmq::send_flags::none);
    };
    for (int frame_number = 0; frame_number < options.frames; ++frame_number)
      for (const auto& worker : workers) give(worker);
    while (done < options.slices) {
      (void)socket.recv(sender, zmq::recv_flags::none);
      (void)socket.recv(frame, zmq::recv_flags::none);
      const auto count = frame.size() / sizeof(Ack);
      ledger.done(static_cast<const Ack*>(frame.data())->id, count);
      done += count;
      give(sender.to_string_view());
    }
    took = -began;
    cpu = -cpu_began;
  }  // all of it is synced and the ledger closed
  took += seconds();
  cpu += cpu_seconds(RUSAGE_SELF);
  for (const auto& worker : workers) {
    socket.send(zmq::buffer(worker), zmq::send_flags::sndmore);
    socket.send(zmq::message_t(), zmq::send_flags::none);
  }
  for (const pid_t pid : pids) waitpid(pid, nullptr, 0);
  const auto slices = static_cast<double>(options.slices);
  printf("{\"slices_per_s\": %.0f, \"seconds\": %.3f, \"controller_us_per_slice\": %.3f}\n", slices / took, took,
         cpu / slices * 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The limit for slices over ZeroMQ with a synced ledger.");
  app.add_option("--slices", options.slices)->check(CLI::PositiveNumber);
  app.add_option("--workers", options.workers)->check(CLI::Range(1, 64));
  app.add_option("--frames", options.frames)->check(CLI::Range(1, 1024));
  app.add_option("--batch", options.batch)->check(CLI::Range(1, 4096));
  app.add_option("--transport", options.transport)->check(CLI::IsMember({"ipc", "tcp"}));
  app.add_option("--directory", options.directory);
  app.add_option("--worker-of", options.worker_of)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!options.worker_of.empty()) return work(options.worker_of);
  std::string made = "/tmp/reference_loop.XXXXXX";
  if (options.directory.empty()) {
    if (mkdtemp(made.data()) == nullptr) return 1;
    options.directory = made;
  }
  const int status = control(options, argv[0]);
  if (options.directory == made) std::filesystem::remove_all(made);
  return status;
}
