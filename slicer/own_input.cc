#include "slicer/own_input.h"

namespace slicemill {

OwnInput::OwnInput(const JobSpec& job) : published_(published_files(job)) {}

Result<void> OwnInput::check(Files& files, const std::string& input, const FileList& list) {
  for (const PublishedFiles& published : published_) RETURN_IF_ERROR(check_one(files, input, list, published));
  return {};
}

Result<void> OwnInput::check_one(Files& files, const std::string& input, const FileList& list,
                                 const PublishedFiles& published) {
  // Not there yet: then no directory that was searched is this one.
  const auto output = files.stat(published.directory);
  if (!output) return {};
  for (const auto& [directory, pattern] : list.searched) {
    if (!checked_.insert(published.directory + "\n" + directory + "/" + pattern).second) continue;
    if (published.depth > 0) {
      if (published.may_be_in(directory) && published.match(pattern))
        return own_output_error(input, published.directory);
      continue;
    }
    const auto searched = files.stat(directory);
    const bool is_same = searched && searched->inode != 0
                             ? searched->inode == output->inode && searched->device == output->device
                             : directory == published.directory;
    if (is_same && published.match(pattern)) return own_output_error(input, published.directory);
  }
  return {};
}

}  // namespace slicemill
