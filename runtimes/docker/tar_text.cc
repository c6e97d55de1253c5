#include "runtimes/docker/tar_text.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include <array>
#include <memory>

namespace slicemill::docker {
namespace {

struct WriteEnd {
  void operator()(archive* made) const { archive_write_free(made); }
};
struct ReadEnd {
  void operator()(archive* opened) const { archive_read_free(opened); }
};
struct EntryEnd {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

la_ssize_t append(archive*, void* text, const void* bytes, size_t size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

Error archive_failure(archive* of) {
  const char* text = archive_error_string(of);
  return {ErrorCode::corrupt, fmt::format("an archive of files: {}", text == nullptr ? "it cannot be read" : text)};
}

}  // namespace

Result<std::string> tar_of(const std::vector<ArchivedFile>& files) {
  std::string tar;
  const std::unique_ptr<archive, WriteEnd> made(archive_write_new());
  if (archive_write_set_format_pax_restricted(made.get()) != ARCHIVE_OK ||
      archive_write_open(made.get(), &tar, nullptr, append, nullptr) != ARCHIVE_OK)
    return archive_failure(made.get());
  for (const auto& file : files) {
    const std::unique_ptr<archive_entry, EntryEnd> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), file.path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), file.mode);
    if (archive_write_header(made.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(made.get(), file.content.data(), file.content.size()) !=
            static_cast<la_ssize_t>(file.content.size()))
      return archive_failure(made.get());
  }
  if (archive_write_close(made.get()) != ARCHIVE_OK) return archive_failure(made.get());
  return tar;
}

Result<std::string> file_in_tar(std::string_view tar, std::size_t most) {
  const std::unique_ptr<archive, ReadEnd> opened(archive_read_new());
  archive_read_support_format_tar(opened.get());
  if (archive_read_open_memory(opened.get(), tar.data(), tar.size()) != ARCHIVE_OK)
    return archive_failure(opened.get());
  archive_entry* entry = nullptr;
  int next = ARCHIVE_OK;
  while ((next = archive_read_next_header(opened.get(), &entry)) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string content;
    std::array<char, 16 << 10> piece{};
    for (;;) {
      const auto size = archive_read_data(opened.get(), piece.data(), piece.size());
      if (size < 0) return archive_failure(opened.get());
      if (size == 0) return content;
      if (content.size() + static_cast<std::size_t>(size) > most)
        return Error{ErrorCode::invalid, fmt::format("the file has more than {} bytes", most), false};
      content.append(piece.data(), static_cast<std::size_t>(size));
    }
  }
  if (next != ARCHIVE_EOF) return archive_failure(opened.get());
  return Error{ErrorCode::not_found, "the archive holds no file"};
}

}  // namespace slicemill::docker
