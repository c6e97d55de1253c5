// Cuts files into slices for file_reader: byte ranges of uncompressed ldjson and raw files, parts of uncompressed csv
// and tsv files that begin and end with a row (slicer/rows_cutter.h), whole files otherwise; a pipe and the standard
// input are one slice.
//
// request := {PATH,"total":bytes,"mtime_ns":N,"inode":I,"device":D,"print":HEX,"offset":O,"length":L}
//            total, mtime_ns, inode, device: as discovered; print: of the first `total` bytes
//            (core/formats/file_print.h), absent if they could not be read. Older requests have neither device nor
//            print. Of a table whose types are inferred also "types":TYPES (slicer/inferred_columns.h).
//          | {PATH,...zeros,"unsized":true}           a file whose size says nothing: all that it gives
//          | {PATH,...zeros,"stream":true,"epoch":E}  may be read once only, under this epoch
// PATH    := core/formats/path_member.h, "path"
//
// position (once) := {LAST [,"types":TYPES] [,"at":A]}
//            every file up to LAST in byte order is cut, none behind it
// LAST    := core/formats/path_member.h, "last"
//
// position (persistent) := slicer/file_follower.h
//
// A := {PATH,"total":bytes,"mtime_ns":N,"inode":I,"device":D,"print":HEX,"offset":O,"line":N [,"header":TEXT]
//       [,"follows":true]}
//            the last or latest of these files is cut by rows and goes on here; follows: it may grow
//
// `once`: the list is taken when the slicer opens. What is named and cannot be read is an error; what is left out of a
// directory or pattern is counted, and said in the last turn's notices.
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_file_slicer();

}  // namespace slicemill
