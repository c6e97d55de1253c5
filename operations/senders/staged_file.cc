#include "operations/senders/staged_file.h"

#include <utility>

#include "core/runtime/fault.h"

namespace slicemill {

void StagedFile::begin(std::string path, const FileWriting& writing, RecordWriterOptions writer) {
  file_.reset();
  path_ = std::move(path);
  compression_ = writing.compression;
  stored_ = {};
  hash_.reset();
  text_.clear();
  writer_ = make_record_writer(std::move(writer));
  compressor_.reset();
}

// The controller makes the directory before the first slice, and takes it away at the end: a worker that wakes up
// afterwards leaves nothing behind.
Result<void> StagedFile::create() {
  RETURN_IF_ERROR(fault("staging"));
  ASSIGN_OR_RETURN(file_, files_.create(path_));
  packed_.clear();
  if (compression_ == Compression::none) return {};
  ASSIGN_OR_RETURN(compressor_, make_compressor(compression_));
  return {};
}

Result<void> StagedFile::append(std::span<const std::string_view> records) {
  RETURN_IF_ERROR(writer_->append(records, text_));
  stored_.records += records.size();
  return text_.size() < flush_bytes_ ? Result<void>() : flush();
}

Result<StagedFile::Stored> StagedFile::finish() {
  writer_->finish(text_);
  RETURN_IF_ERROR(flush());
  if (compressor_ != nullptr) {
    RETURN_IF_ERROR(compressor_->finish(packed_));
    RETURN_IF_ERROR(store(packed_));
  }
  stored_.checksum = hash_.digest();
  return stored_;
}

void StagedFile::abandon() {
  // A file that stays behind is swept at the next start of the execution.
  if (std::exchange(file_, nullptr) != nullptr) (void)files_.remove(path_);
}

// text_ goes on: packed first, if the file is compressed.
Result<void> StagedFile::flush() {
  if (compressor_ == nullptr) return store(text_);
  RETURN_IF_ERROR(compressor_->append(text_, packed_));
  text_.clear();
  return packed_.size() < flush_bytes_ ? Result<void>() : store(packed_);
}

Result<void> StagedFile::store(std::string& bytes) {
  if (bytes.empty()) return {};
  hash_.update(bytes);
  stored_.bytes += bytes.size();
  auto written = file_->write(bytes);
  bytes.clear();
  return written;
}

}  // namespace slicemill
