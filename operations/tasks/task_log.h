// What a task writes to its standard output and error, kept in a file for each task. One thread.
//
// The file is made with the first byte. Further tries of the task follow in the same file, each behind a line that
// names the try. Trouble with the file is told once to the worker's log, and hurts no task.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slicemill {

class TaskLog {
 public:
  // path: "" keeps nothing but the tail. most_bytes: of one try.
  TaskLog(std::string path, std::string try_name, std::uint64_t most_bytes);
  ~TaskLog();
  TaskLog(const TaskLog&) = delete;
  TaskLog& operator=(const TaskLog&) = delete;

  void write(std::string_view bytes);
  // The last lines, for an error: at most about a kilobyte.
  std::string tail() const;
  std::uint64_t bytes() const { return bytes_; }

 private:
  bool open();
  void put(std::string_view bytes);

  std::string path_;
  std::string try_name_;
  std::uint64_t left_;
  std::uint64_t bytes_ = 0;
  int file_ = -1;
  std::string tail_;
};

// Where the output of a task is kept.
std::string task_log_path(const std::string& log_directory, std::uint32_t slicer, std::string_view task_path);

}  // namespace slicemill
