// What a command tells of an execution while it runs, on standard error. One thread.
//
// On a terminal a bar that is drawn over, elsewhere plain lines. Both show `progress` of the controller's figures
// (docs/command-line.md), and nothing that is not known.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command_line.h"
#include "core/model/stats.h"
#include "core/runtime/json.h"

namespace slicemill::cli {

class RunProgress {
 public:
  // Between two drawings of a bar.
  static constexpr std::chrono::milliseconds kDrawEvery{200};
  static constexpr std::chrono::seconds kLineEvery{10};
  static constexpr double kLinePercent = 10;  // a line is due after so much too

  // form: not automatic.
  explicit RunProgress(ProgressForm form);

  // What is not due yet is not shown, nor is an execution that has ended: the summary tells of the end.
  void show(std::string_view status, const Stats& stats,
            std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());
  void end();  // leaves the terminal's cursor at the start of an empty line

 private:
  void draw(std::string_view status, const Stats& stats);

  ProgressForm form_;
  bool colour_;
  bool is_drawn_ = false;
  bool has_shown_ = false;
  std::chrono::steady_clock::time_point shown_;
  double shown_percent_ = 0;
};

// What `asked` means here: a bar needs standard error to be a terminal that can draw over what it shows. records_shown:
// records go to standard output; on the same terminal they and a bar would be mixed, so there are lines instead.
ProgressForm progress_form(ProgressForm asked, bool records_shown);

// One line for a terminal of this width, without an end: what matters least is left out if it is too narrow.
std::string progress_bar(std::string_view status, const Stats& stats, std::size_t width, bool colour);
// "running, 41.3 %, 312 slices done, 0 failed, ..."
std::string progress_line(std::string_view status, const Stats& stats);

// The same of the document of a live execution: "58.2 %, 84,120 records/s, 12 MB/s, ETA 1m40s, ..."; "" if nothing is
// known.
std::string progress_of_document(const Json& execution);
// As the document of an execution has them.
Progress progress_in(const Json& execution);
Stats figures_in(const Json& execution);
// How much of an execution is done, by its document. Of one that ended without completing, failed slices are not.
std::optional<double> percent_done(const Json& execution);

// "1,234,567".
std::string grouped(std::uint64_t number);
// "1 slice", "1,234 slices".
std::string counted(std::uint64_t number, std::string_view one);
// "4s", "1m40s", "2h05m", "3d4h": coarser the longer it is.
std::string seconds_text(double seconds);
// "1m40s (1m30s to 1m55s)"; "" if it is not known.
std::string remaining_text(const Progress& progress);

}  // namespace slicemill::cli
