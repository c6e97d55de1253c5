// How records travel to a child and back.
//
//   lines:   stdin  := record*          record := bytes "\n"; the end of the slice is the end of the file
//            stdout := record*          the last "\n" may be missing; empty lines are no records
//
//   length:  stdin  := slice*           slice  := batch* end
//                                       batch  := size payload      payload := record+, of `size` bytes, size > 0
//                                       end    := size              with size = 0
//            stdout := reply*           reply  := size payload      payload := record*, as in lines; size may be 0
//            size   := 4 bytes, an unsigned number in the agreed byte order
//
//   Anywhere among the records of its stdout, in both:
//            rejected := mark " " reason " " record "\n"     mark: the text of SLICEMILL_REJECT in its environment,
//            which
//                                                           no record can hold by chance; reason: a JSON text
//
// Every frame that a child gets, the end of a slice too, is answered by exactly one frame, in order. So a child that
// holds records back answers with 0 and gives them with the answer to the end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/formats/json_tokens.h"
#include "operations/operation.h"

namespace slicemill {

struct ChildFraming {
  bool has_lengths = false;
  bool is_little_endian = false;
  bool is_json = true;    // otherwise lines are taken as they are
  std::string mark = "";  // of rejected records; "": the child rejects none
};

// Writes the batch into `text`, which loses what it held: as lines, or as one frame.
Result<void> write_request(const ChildFraming& framing, const RecordBatch& batch, std::string& text);
// The frame that ends a slice.
void write_slice_end(std::string& text);

// Cuts what a child writes into the records of batches. Bytes are read into a batch's own space and stay there.
class ChildOutput {
 public:
  ChildOutput(const ChildFraming& framing, RecordRejecter& rejecter) : framing_(framing), rejecter_(rejecter) {}

  void begin_slice();
  // The cleared batch is filled from now on, until detach().
  void attach(RecordBatch& batch);
  // Where the next bytes belong; empty: the batch is full.
  std::span<char> room() { return block_.subspan(filled_); }
  // So many bytes were written into room(). invalid for a line that is not JSON, and for a record that the child
  // rejects, if the job does not drop or keep such records.
  Result<void> took(std::size_t size, RecordBatch& batch);
  // Nothing follows.
  Result<void> end(RecordBatch& batch);
  void detach(RecordBatch& batch);

  std::uint64_t replies() const { return replies_; }  // in this slice
  bool is_between_frames() const { return in_frame_ == 0 && held_.empty(); }

 private:
  // The frame's size, if all of it is there.
  bool begin_frame();
  Result<void> add_line(std::string_view line, RecordBatch& batch);
  Result<void> reject(std::string_view marked);

  ChildFraming framing_;
  RecordRejecter& rejecter_;
  JsonIndexer indexer_;
  std::string held_;  // begun in one batch, goes on in the next
  std::span<char> block_;
  std::size_t filled_ = 0;
  std::size_t line_ = 0;        // where the current line, or frame head, begins
  std::size_t scanned_ = 0;     // no line end between line_ and here
  std::uint64_t in_frame_ = 0;  // bytes of the frame's payload from line_ on
  std::uint64_t replies_ = 0;
  std::uint64_t line_number_ = 0;
};

}  // namespace slicemill
