// One staged file as it grows: records in, text, compression, checksum. One thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/compressor.h"
#include "core/formats/record_writer.h"
#include "core/outputs/file_layout.h"
#include "core/outputs/output_hash.h"
#include "core/runtime/files.h"

namespace slicemill {

class StagedFile {
 public:
  // So many bytes of text are gathered before they go on.
  StagedFile(Files& files, std::size_t flush_bytes) : files_(files), flush_bytes_(flush_bytes) {}

  // Begins anew; nothing is created yet. writing: as of the job, with this file's own `settle_columns`.
  void begin(std::string path, const FileWriting& writing, RecordWriterOptions writer);

  const std::string& path() const { return path_; }
  const RecordWriter& writer() const { return *writer_; }
  bool is_created() const { return file_ != nullptr; }

  Result<void> expect_columns(const std::vector<std::string>& names) { return writer_->expect_columns(names); }
  Result<void> create();
  Result<void> append(std::span<const std::string_view> records);
  // Everything is written, not synced. facts: `records`, `bytes` and `checksum` are set.
  struct Stored {
    std::uint64_t records = 0, bytes = 0, checksum = 0;
  };
  Result<Stored> finish();
  // The file that was written; begin() may follow.
  std::unique_ptr<WritableFile> take() { return std::move(file_); }
  // Removes it, if it was created.
  void abandon();

 private:
  Result<void> flush();
  Result<void> store(std::string& bytes);

  Files& files_;
  const std::size_t flush_bytes_;
  std::string path_;
  Compression compression_ = Compression::none;
  Stored stored_;
  OutputHash hash_;
  std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<Compressor> compressor_;  // null: stored as it is
  std::unique_ptr<WritableFile> file_;      // null: nothing written yet
  std::string text_;                        // not yet packed or stored
  std::string packed_;                      // not yet stored
};

}  // namespace slicemill
