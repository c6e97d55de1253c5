// Requests of file_reader as its slicer writes them (grammar: slicer/file_slicer.h), gathered in runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/formats/file_reading.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"
#include "slicer/rows_cutter.h"
#include "slicer/slicer.h"

namespace slicemill {

// The file as it is now, with its print up to `total`. The print is left out if the file cannot be read: its reader
// says why.
DiscoveredFile discovered(Files& files, const std::string& path, const FileStat& stat, std::uint64_t total);

// Its format can be cut, and it is not compressed. Whatever is wrong with the file, its reader says it.
bool may_be_cut(Files& files, const FileReading& reading, const std::string& path);

// Collects requests in runs: single ones packed, a file that is cut as a run of its own. Complete when it is destroyed.
class RunBuilder {
 public:
  explicit RunBuilder(SliceBatch& turn) : turn_(turn) {}
  ~RunBuilder() { flush(); }
  RunBuilder(const RunBuilder&) = delete;
  RunBuilder& operator=(const RunBuilder&) = delete;

  void add(std::string request);
  // The bytes [begin, end) in slices of `size`.
  void add_ranges(const DiscoveredFile& file, std::uint64_t begin, std::uint64_t end, std::int64_t size);
  // From the beginning to wherever the end is: its size says nothing.
  void add_unsized(const std::string& path);
  // A pipe or the standard input: only this controller's first attempt may read it.
  void add_stream(const std::string& path, std::uint64_t epoch);
  std::size_t slices() const { return slices_; }

 private:
  void flush();

  SliceBatch& turn_;
  ListRequests list_;
  std::size_t slices_ = 0;
};

// "X is a socket, which cannot be read", for a path that names what is no file.
Error not_a_file(const std::string& path, FileKind kind);

}  // namespace slicemill
