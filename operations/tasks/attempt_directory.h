// A directory for what one try of a task needs beside its command: its files, and the file of its output value.
#pragma once

#include <map>
#include <string>

#include "core/runtime/result.h"

namespace slicemill {

class AttemptDirectory {
 public:
  // Below the system's directory for temporary files. slice: names the slice among all of this machine; directories of
  // its earlier tries, which a dead worker left, are removed.
  static Result<AttemptDirectory> make(const std::string& slice, const std::string& attempt);
  ~AttemptDirectory();
  AttemptDirectory(AttemptDirectory&& other) noexcept;
  AttemptDirectory& operator=(AttemptDirectory&&) = delete;

  Result<void> write(const std::map<std::string, std::string>& files) const;
  const std::string& path() const { return path_; }
  std::string files_path() const { return path_ + "/files"; }
  std::string output_path() const { return path_ + "/output"; }
  // What the task wrote to output_path(), without the line end at its end; "": nothing. invalid: too large, or no text.
  Result<std::string> output(std::size_t most_bytes) const;

 private:
  explicit AttemptDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace slicemill
