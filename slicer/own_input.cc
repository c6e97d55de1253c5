#include "slicer/own_input.h"

namespace slicemill {

OwnInput::OwnInput(const JobSpec& job) : published_(published_files(job)) {}

Result<void> OwnInput::check(Files& files, const std::string& input, const FileList& list) {
  if (!published_) return {};
  // Not there yet: then no directory that was searched is this one.
  const auto output = files.stat(published_->directory);
  if (!output) return {};
  for (const auto& [directory, pattern] : list.searched) {
    if (!checked_.insert(directory + "/" + pattern).second) continue;
    if (published_->depth > 0) {
      if (published_->may_be_in(directory) && published_->match(pattern))
        return own_output_error(input, published_->directory);
      continue;
    }
    const auto searched = files.stat(directory);
    const bool is_same = searched && searched->inode != 0
                             ? searched->inode == output->inode && searched->device == output->device
                             : directory == published_->directory;
    if (is_same && published_->match(pattern)) return own_output_error(input, published_->directory);
  }
  return {};
}

}  // namespace slicemill
