// What a core can do with ldjson at most: simdjson, threads, and nothing else. The bench compares the product with it.
//
//   ldjson_filter FILE OUTPUT MINIMUM [THREADS]     {"seconds": s, "records": N, "kept": N}
//   zstd -dc FILE.zst | ldjson_filter - OUTPUT MINIMUM
//
// Keeps the records whose http.status is at least MINIMUM, with six fields of them, as bench/suite/files.py asks of
// slicemill. Each thread reads its part of the file in steps, looks for fields on demand (what it does not ask for is
// neither checked nor passed over token by token) and writes a file of its own; synced at the end. No slices, no
// ledger, no checks of what it skips.
#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kStep = std::size_t{1} << 20;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

struct Part {
  std::uint64_t begin = 0;  // the first byte of a record
  std::uint64_t end = 0;
  std::uint64_t records = 0;
  std::uint64_t kept = 0;
};

void append(std::string& out, const char* opening, simdjson::ondemand::value value) {
  out.append(opening).append(simdjson::to_json_string(value).value());
}

template <typename Document>
void project(Document&& document, std::int64_t minimum, std::string& out, Part& part) {
  ++part.records;
  simdjson::ondemand::object record = document.get_object();
  const std::size_t before = out.size();
  append(out, R"({"timestamp":)", record["timestamp"].value());
  append(out, R"(,"host":)", record["host"].value());
  simdjson::ondemand::object http = record["http"].get_object();
  append(out, R"(,"http":{"method":)", http["method"].value());
  simdjson::ondemand::value status = http["status"].value();
  const std::string_view token = status.raw_json_token();
  if (std::strtoll(token.data(), nullptr, 10) < minimum) {
    out.resize(before);
    return;
  }
  append(out, R"(,"status":)", status);
  append(out, R"(,"path":)", http["path"].value());
  append(out, R"(},"user":{"name":)", record["user"]["name"].value());
  out.append("}}\n");
  ++part.kept;
}

// in: the part is read from there, or, from a pipe, all that comes.
void run(int in, bool is_pipe, const std::string& output, std::int64_t minimum, Part& part) {
  const int to = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  check(to >= 0, "open");
  simdjson::ondemand::parser parser;
#ifdef SIMDJSON_THREADS_ENABLED
  parser.threaded = false;  // there are as many threads as cores already
#endif
  std::vector<char> buffer(2 * kStep + simdjson::SIMDJSON_PADDING);
  std::string out;
  std::size_t held = 0;
  std::uint64_t at = part.begin;
  for (bool ended = false; !ended;) {
    const ssize_t got = is_pipe ? read(in, buffer.data() + held, kStep)
                                : pread(in, buffer.data() + held, std::min<std::uint64_t>(kStep, part.end - at),
                                        static_cast<off_t>(at));
    check(got >= 0, "read");
    at += static_cast<std::uint64_t>(got);
    held += static_cast<std::size_t>(got);
    ended = got == 0 || at == part.end;
    const auto* newline = static_cast<const char*>(memrchr(buffer.data(), '\n', held));
    const std::size_t whole = newline == nullptr ? 0 : static_cast<std::size_t>(newline - buffer.data()) + 1;
    simdjson::ondemand::document_stream records = parser.iterate_many(buffer.data(), whole, 2 * kStep);
    for (auto&& record : records) project(record.value(), minimum, out, part);
    held -= whole;
    check(held < kStep && (!ended || held == 0), "a record is too long, or has no end");
    std::memmove(buffer.data(), buffer.data() + whole, held);
    if (out.size() >= kStep || ended) {
      check(write(to, out.data(), out.size()) == static_cast<ssize_t>(out.size()), "write");
      out.clear();
    }
  }
  check(fsync(to) == 0, "fsync");
  close(to);
}

// Behind the first line end at or behind `at`.
std::uint64_t record_at(int in, std::uint64_t at) {
  std::array<char, 65536> text{};
  const ssize_t got = pread(in, text.data(), text.size(), static_cast<off_t>(at));
  const auto* newline =
      got > 0 ? static_cast<const char*>(std::memchr(text.data(), '\n', static_cast<std::size_t>(got))) : nullptr;
  check(newline != nullptr, "no line end");
  return at + static_cast<std::uint64_t>(newline - text.data()) + 1;
}

int filter(const std::string& input, const std::string& output, std::int64_t minimum, std::size_t threads) {
  const auto began = std::chrono::steady_clock::now();
  const bool is_pipe = input == "-";
  const int in = is_pipe ? STDIN_FILENO : open(input.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about {};
  check(in >= 0 && fstat(in, &about) == 0, "open");
  const auto size = is_pipe ? UINT64_MAX : static_cast<std::uint64_t>(about.st_size);
  if (is_pipe) threads = 1;
  std::vector<Part> parts(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    parts[i].begin = i == 0 ? 0 : parts[i - 1].end;
    parts[i].end = i + 1 == threads ? size : record_at(in, size * (i + 1) / threads);
  }
  std::vector<std::future<void>> running;
  for (std::size_t i = 0; i < threads; ++i) {
    running.push_back(std::async(std::launch::async,
                                 [&, i] { run(in, is_pipe, fmt::format("{}.{}", output, i), minimum, parts[i]); }));
  }
  for (auto& thread : running) thread.get();
  std::uint64_t records = 0;
  std::uint64_t kept = 0;
  for (const Part& part : parts) {
    records += part.records;
    kept += part.kept;
  }
  fmt::print("{{\"seconds\": {}, \"records\": {}, \"kept\": {}}}\n",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), records, kept);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "ldjson_filter: wants FILE OUTPUT MINIMUM [THREADS]\n");
    return 2;
  }
  try {
    return filter(argv[1], argv[2], std::atoll(argv[3]), argc > 4 ? static_cast<std::size_t>(std::atoi(argv[4])) : 2);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ldjson_filter: {}\n", error.what());
    return 1;
  }
}
