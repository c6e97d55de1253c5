#include "cli/client_grammar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include "cli/client/documents.h"
#include "cli/default_dialect.h"
#include "cli/shell_words.h"
#include "core/runtime/result.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kMostNumber = 1'000'000;
constexpr int kAnyNumber = 1 << 20;  // of words; check_client_arguments() says how many there may be

const std::vector<std::string> kFormats = {"table", "wide", "json", "yaml"};
static_assert(static_cast<int>(OutputFormat::table) == 0 && static_cast<int>(OutputFormat::yaml) == 3);

std::string none_of(const std::string& word, const std::vector<std::string>& words) {
  const auto near = nearest_word(word, words);
  return fmt::format("'{}' is none of {}{}", word, fmt::join(words, ", "),
                     near ? fmt::format("; did you mean '{}'?", *near) : "");
}

// A variable of a script that is not set must not mean another master.
CLI::Validator not_empty() {
  return CLI::Validator(
      [](const std::string& value) { return value.empty() ? std::string("is empty") : std::string(); }, "");
}

// An option whose value is a time.
template <typename Target>
CLI::Option* add_period(CLI::App& app, const std::string& name, Target& target, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            const auto period = parse_period_ms(text);
            if (!period) throw CLI::ValidationError(name, period.error().message);
            target = *period;
          },
          description)
      ->type_name("TIME");
}

class ClientGrammar {
 public:
  ClientGrammar(CommandLine& line, const AddCommand& add) : line_(line), options_(line.client), add_(add) {}

  void add_all() {
    add_submit();
    add_lists();
    add_waiting();
    add_verbs();
    add_looking();
    add_the_rest();
  }

  void add_help() {
    CLI::App& context = add_(Command::context, "context", "Name masters, and choose the one that commands ask");
    context.add_option("ACTION", options_.action, "What to do; by default list")
        ->check(one_of({"list", "set", "use", "remove"}));
    context.add_option("WORDS", options_.words, "set: NAME URL; use, remove: NAME")->expected(0, kAnyNumber);
    context.footer(
        "The first context that is set is used; `use` chooses another. Stored in\n"
        "${XDG_CONFIG_HOME:-~/.config}/slicemill/contexts.yaml.\n"
        "Example: slicemill context set night http://10.0.0.7:5678");

    CLI::App& connections =
        add_(Command::connections, "connections", "List the connections of the configuration file, or try one");
    connections.add_option("ACTION", options_.action, "What to do; by default list")->check(one_of({"list", "test"}));
    connections.add_option("NAME", options_.words, "test: the connection that is to be made")->expected(0, kAnyNumber);
    connections
        .add_option("--config", line_.config_file, "YAML file with settings; by default that of SLICEMILL_CONFIG")
        ->type_name("FILE");
    connections.footer(
        "test says in one line what answers, or why nothing does: exit code 0, or 2 if the settings are wrong\n"
        "and 3 if the other side cannot be reached. Secrets are never shown.\n"
        "Example: slicemill connections test warehouse --config slicemill.yaml");

    CLI::App& completion = add_(Command::completion, "completion", "Print a script that completes words for a shell");
    completion.add_option("SHELL", options_.action, "Which shell")->check(one_of({"bash", "zsh", "fish"}));
    completion.footer(
        "bash: source <(slicemill completion bash)\n"
        "zsh:  slicemill completion zsh > \"${fpath[1]}/_slicemill\"\n"
        "fish: slicemill completion fish > ~/.config/fish/completions/slicemill.fish");

    CLI::App& man = add_(Command::man, "man", "Print the man page of slicemill, or of one command");
    man.add_option("COMMAND", options_.words, "The command")->type_name("")->expected(0, 1);
    man.add_option("--directory", options_.directory, "Write all of the pages into this directory")->type_name("DIR");
    man.footer("Example: slicemill man list | man -l -");

    CLI::App& help = add_(Command::help, "help", "Print the help of a command");
    help.add_option("COMMAND", options_.words, "The command")->type_name("")->expected(0, 1);
  }

 private:
  CLI::App& client(Command command, const std::string& name, const std::string& description) {
    CLI::App& app = add_(command, name, description);
    add_master(app, line_);
    if (looks_into_data(command))
      add_data(app, line_, "Look into this data directory (of `slicemill run`) instead of asking a master");
    else
      add_data(app, line_, "").group("");  // refused, with what to do instead
    return app;
  }
  CLI::App& of_execution(Command command, const std::string& name, const std::string& description) {
    CLI::App& app = client(command, name, description);
    add_execution(app, line_);
    return app;
  }
  void add_output(CLI::App& app) {
    app.add_option("-o,--output", options_.output, "How to print it; json and yaml are the master's documents")
        ->type_name("FORMAT")
        ->transform(position_in(kFormats));
  }
  void add_timeout(CLI::App& app) {
    add_period(app, "--timeout", options_.timeout_ms, "Wait at most this long; then exit with 124");
  }
  void add_outcome(CLI::App& app) {
    app.add_flag("--fail-on-quarantine", line_.fail_on_quarantine, "Exit with 5 if records were quarantined");
  }
  void add_wait(CLI::App& app) {
    app.add_flag("--wait", options_.wait, "Wait until the execution has ended, and exit by its outcome");
    add_timeout(app);
    add_outcome(app);
  }
  void add_limit(CLI::App& app) {
    app.add_option("--limit", options_.limit, "Show at most this many; by default 100")
        ->type_name("N")
        ->check(number_from(1, kMostNumber));
  }
  void add_search(CLI::App& app) {
    app.add_option("--search", options_.search,
                   "Only what has all of these words, stemmed; \"...\" is a phrase, word* all that begin so")
        ->type_name("WORDS");
  }

  void add_filter(CLI::App& app, const char* example) {
    app.add_option("--filter", options_.filter,
                   fmt::format("Only what this filter matches ({}), e.g. {}", kFilterSyntax, example))
        ->type_name("FILTER");
  }

  void add_submit() {
    CLI::App& submit =
        client(Command::submit, "submit", "Give a job to a master and start it; prints the execution's id");
    submit
        .add_option("JOB", line_.job_file,
                    "Job file, JSON or YAML; relative paths in it start at the working directory")
        ->type_name("");
    add_set(submit, line_);
    submit.add_flag("--no-start", options_.no_start, "Only store the job; prints the job's id");
    add_wait(submit);
    add_output(submit);
    submit.footer("Example: slicemill submit examples/package-names.json --wait");
  }

  void add_lists() {
    CLI::App& jobs = client(Command::jobs, "jobs", "List the jobs of a master");
    add_filter(jobs, "'name:nightly'");
    add_search(jobs);
    add_limit(jobs);
    add_output(jobs);

    CLI::App& list = client(Command::list, "list", "List the executions of a master, latest change first");
    list.add_option("--status", options_.status, "Only executions with one of these statuses, e.g. running,failing")
        ->type_name("STATUS,...");
    add_filter(list, kExecutionFilter);
    add_search(list);
    add_period(list, "--since", options_.since_ms, "Only executions that were submitted within this time, e.g. 2h");
    add_limit(list);
    add_output(list);
    list.footer("Example: slicemill list --status failed --since 1d");

    CLI::App& show = of_execution(Command::show, "show", "Show one execution: status, figures, history");
    add_output(show);

    CLI::App& tasks = of_execution(Command::tasks, "tasks", "List the tasks of an execution that ended, each try");
    add_limit(tasks);
    add_output(tasks);

    CLI::App& errors = of_execution(Command::errors, "errors", "List the failed slices of an execution, and why");
    add_filter(errors, "'error:timeout'");
    add_limit(errors);
    add_output(errors);
  }

  void add_waiting() {
    CLI::App& wait = of_execution(Command::wait, "wait", "Wait until an execution has ended; exits by its outcome");
    add_timeout(wait);
    add_outcome(wait);
    add_output(wait);
    wait.footer(
        "Exit codes: 0 completed, or a persistent execution that was stopped; 1 any other end; 124 not ended in time.\n"
        "Example: slicemill wait last --timeout 10m");

    CLI::App& logs = of_execution(Command::logs, "logs", "Print the log of an execution's controller, or of a worker");
    logs.add_flag("-f,--follow", options_.follow, "Follow the log until the execution has ended");
    logs.add_option("--worker", options_.worker, "The log of this worker instead of the controller's")
        ->type_name("N")
        ->check(number_from(1, kMostNumber));
    logs.add_option("-n,--lines", options_.lines, "Begin with this many of the last lines; by default 100")
        ->type_name("N")
        ->check(number_from(0, kMostNumber));
  }

  void add_verbs() {
    add_output(of_execution(Command::pause, "pause", "Pause an execution: it begins no further slices"));
    add_output(of_execution(Command::resume, "resume", "Resume a paused execution"));

    CLI::App& stop = of_execution(Command::stop, "stop",
                                  "Stop an execution: slices in flight finish, the rest stays for a recovery");
    stop.add_flag("--force", options_.force, "Do not let slices in flight finish");
    add_period(stop, "--timeout", options_.timeout_ms, "Let slices in flight run at most this long");
    add_output(stop);

    CLI::App& recover =
        of_execution(Command::recover, "recover", "Run again what an ended execution has not done; prints the new id");
    recover.add_option("--slices", options_.slices, "Only these of its slices, and no new ones")
        ->type_name("TYPE")
        ->check(one_of({"all", "errors", "pending"}));
    recover
        .add_option("--config", options_.config,
                    "The job as it is now (current), or as the execution had it (own); own if nothing is said")
        ->type_name("WHICH")
        ->check(one_of({"current", "own"}));
    recover.add_option("--job", line_.mended_job, "The mended job: it replaces the stored one, and is what goes on")
        ->type_name("JOB");
    add_set(recover, line_);
    add_wait(recover);
    add_output(recover);

    CLI::App& restart = of_execution(Command::restart, "restart",
                                     "Stop an execution if it is live, and start its job anew; prints the new id");
    add_set(restart, line_);
    add_wait(restart);
    add_output(restart);

    CLI::App& workers = of_execution(Command::workers, "workers", "Change the number of an execution's workers");
    workers.add_option("CHANGE", options_.action, "How")->check(one_of({"add", "remove", "total"}));
    workers.add_option("N", options_.count, "How many")->type_name("")->check(number_from(1, kMostNumber));
    add_output(workers);
    workers.footer("Example: slicemill workers last add 2");

    CLI::App& remove =
        of_execution(Command::remove, "delete", "Delete an ended execution, or a job; published output stays");
    remove.add_flag("--job", options_.of_job, "EX is the id of a job: it is deleted with all of its executions");
    add_output(remove);
  }

  void add_looking() {
    CLI::App& top = of_execution(Command::top, "top", "Show the live executions, or one; refreshes on a terminal");
    add_period(top, "--interval", options_.interval_ms, "Time from refresh to refresh; by default 2s");
    add_output(top);

    CLI::App& explain =
        of_execution(Command::explain, "explain", "Say in sentences why an execution waits, is slow, or has failed");
    explain.footer("Example: slicemill explain last");
  }

  void add_the_rest() {
    CLI::App& assets = client(Command::assets, "assets", "List, upload or delete bundles");
    assets.add_option("ACTION", options_.action, "What to do; by default list")
        ->check(one_of({"list", "upload", "delete"}));
    assets.add_option("WORDS", options_.words, "list: [NAME [VERSION]]; upload: ZIP; delete: ID, or its beginning")
        ->expected(0, kAnyNumber);
    add_output(assets);
    assets.footer("Example: slicemill assets upload words.zip");

    CLI::App& prune = client(Command::prune, "prune", "Delete ended executions that are old, or too many");
    add_period(prune, "--older-than", options_.older_than_ms, "Executions that ended longer ago than this, e.g. 30d");
    prune.add_option("--keep", options_.keep, "But never the N that ended last")
        ->type_name("N")
        ->check(number_from(0, kMostNumber));
    prune.add_flag("--dry-run", options_.dry_run, "Only say which");
    prune.footer("Prints the ids. Published output stays.\nExample: slicemill prune --older-than 30d --keep 10");
  }

  CommandLine& line_;
  ClientOptions& options_;
  const AddCommand& add_;
};

Error missing(std::string_view command, std::string_view argument) {
  return Error(ErrorCode::invalid,
               fmt::format("{}: {} is missing; see `slicemill {} --help`", command, argument, command));
}

// Of the commands that cannot do without an execution.
std::string_view name_of_execution_command(Command command) {
  switch (command) {
    case Command::show:
      return "show";
    case Command::wait:
      return "wait";
    case Command::logs:
      return "logs";
    case Command::tasks:
      return "tasks";
    case Command::errors:
      return "errors";
    case Command::pause:
      return "pause";
    case Command::resume:
      return "resume";
    case Command::stop:
      return "stop";
    case Command::recover:
      return "recover";
    case Command::restart:
      return "restart";
    case Command::workers:
      return "workers";
    case Command::remove:
      return "delete";
    case Command::explain:
      return "explain";
    default:
      return "";
  }
}

// Why a command has nothing to do in a data directory, and what does it.
Error no_master_in_data(const CommandLine& line) {
  const std::string data = " --data " + for_shell(line.flags.at("data"));
  const std::string ex = line.ex_id.empty() ? "EX" : for_shell(line.ex_id);
  switch (line.command) {
    case Command::submit:
      return {ErrorCode::invalid, fmt::format("submit: gives a job to a master, and a data directory has none; "
                                              "`slicemill run {}{}` runs it there",
                                              for_shell(line.job_file), data)};
    case Command::resume:
    case Command::recover:
      return {ErrorCode::invalid, fmt::format("{}: asks a master; without one `slicemill run --resume {}{}` goes on",
                                              line.command == Command::resume ? "resume" : "recover", ex, data)};
    case Command::pause:
    case Command::stop:
    case Command::workers:
    case Command::wait:
    case Command::restart:
      return {ErrorCode::invalid,
              fmt::format("{}: asks a master; what `slicemill run` does is ended with Ctrl-C, and goes on with "
                          "`slicemill run --resume {}{}`",
                          name_of_execution_command(line.command), ex, data)};
    default:
      return {ErrorCode::invalid,
              fmt::format("--data: only a master knows that; `slicemill list{}` lists the executions of the directory",
                          data)};
  }
}

Result<void> check_place(const CommandLine& line) {
  if (!line.flags.contains("data")) return {};
  if (!line.master_url.empty() || !line.client.context.empty()) {
    return Error(ErrorCode::invalid,
                 fmt::format("--data and {} do not go together: give the one that has the execution",
                             line.master_url.empty() ? "--context" : "--master"));
  }
  if (!looks_into_data(line.command)) return no_master_in_data(line);
  return {};
}

Result<void> check_words(std::string_view command, const ClientOptions& options, std::size_t least, std::size_t most,
                         std::string_view what) {
  if (options.words.size() < least) return missing(command, what);
  if (options.words.size() > most) {
    return Error(ErrorCode::invalid, fmt::format("{}: unexpected argument '{}'; see `slicemill {} --help`", command,
                                                 options.words[most], command));
  }
  return {};
}

}  // namespace

bool looks_into_data(Command command) {
  switch (command) {
    case Command::list:
    case Command::show:
    case Command::tasks:
    case Command::errors:
    case Command::logs:
    case Command::explain:
    case Command::remove:
    case Command::prune:
    case Command::verify:
    case Command::quarantine:
      return true;
    default:
      return false;
  }
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  return {[words](const std::string& word) {
            return std::ranges::find(words, word) != words.end() ? std::string() : none_of(word, words);
          },
          fmt::format("{{{}}}", fmt::join(words, ","))};
}

CLI::Validator position_in(const std::vector<std::string>& words) {
  return {[words](std::string& word) {
            const auto found = std::ranges::find(words, word);
            if (found == words.end()) return none_of(word, words);
            word = std::to_string(found - words.begin());
            return std::string();
          },
          fmt::format("{{{}}}", fmt::join(words, ","))};
}

CLI::Validator number_from(std::int64_t least, std::int64_t most) {
  return {[least, most](const std::string& word) {
            std::int64_t number = 0;
            const char* const end = word.data() + word.size();
            const auto [behind, code] = std::from_chars(word.data(), end, number);
            const bool is_good = code == std::errc() && behind == end && number >= least && number <= most;
            return is_good ? std::string() : fmt::format("'{}' is no whole number from {} to {}", word, least, most);
          },
          ""};
}

void add_client_grammar(CommandLine& line, const AddCommand& add) {
  ClientGrammar(line, add).add_all();
}

void add_help_grammar(CommandLine& line, const AddCommand& add) {
  ClientGrammar(line, add).add_help();
}

void add_execution(CLI::App& app, CommandLine& line) {
  app.add_option("EX", line.ex_id,
                 "Execution: its id, the beginning of it, last, or a job file (the newest of its name)")
      ->type_name("");
}

void add_master(CLI::App& app, CommandLine& line) {
  app.add_option("--master", line.master_url,
                 "Ask this master, e.g. http://127.0.0.1:5678. Environment: SLICEMILL_MASTER; then the context in use")
      ->type_name("URL")
      ->check(not_empty());
  app.add_option("--context", line.client.context, "Ask the master of this context (slicemill context)")
      ->type_name("NAME")
      ->check(not_empty());
}

CLI::Option& add_data(CLI::App& app, CommandLine& line, const char* text) {
  return *app.add_option_function<std::string>(
                 "--data", [&line](const std::string& value) { line.flags["data"] = value; }, text)
              ->type_name("DIR")
              ->check(not_empty());
}

void add_set(CLI::App& app, CommandLine& line) {
  app.add_option("--set", line.set, "Give the job's parameter ${NAME} this value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

Result<void> check_client_arguments(const CommandLine& line) {
  const ClientOptions& options = line.client;
  if (line.command == Command::master) return {};
  if (const auto name = name_of_execution_command(line.command); !name.empty() && line.ex_id.empty())
    return missing(name, "EX");
  RETURN_IF_ERROR(check_place(line));
  switch (line.command) {
    case Command::submit:
      if (line.job_file.empty()) return missing("submit", "JOB");
      if (options.wait && options.no_start)
        return Error(ErrorCode::invalid, "submit: --wait and --no-start do not go together: nothing would end");
      return {};
    case Command::workers:
      if (options.action.empty()) return missing("workers", "CHANGE (add, remove or total)");
      if (options.count == 0) return missing("workers", "N");
      return {};
    case Command::assets:
      if (options.action == "upload") return check_words("assets", options, 1, 1, "the path of a ZIP");
      if (options.action == "delete") return check_words("assets", options, 1, 1, "the ID of a bundle");
      return check_words("assets", options, 0, 2, "");
    case Command::connections:
      return options.action == "test" ? check_words("connections", options, 1, 1, "NAME")
                                      : check_words("connections", options, 0, 0, "");
    case Command::context:
      if (options.action == "set") return check_words("context", options, 2, 2, "NAME or URL");
      if (options.action == "use" || options.action == "remove") return check_words("context", options, 1, 1, "NAME");
      return check_words("context", options, 0, 0, "");
    case Command::prune:
      if (!options.older_than_ms && !options.keep)
        return Error(ErrorCode::invalid, "prune: say which executions: --older-than TIME, --keep N, or both");
      return {};
    case Command::completion:
      if (options.action.empty()) return missing("completion", "SHELL (bash, zsh or fish)");
      return {};
    default:
      return {};
  }
}

}  // namespace slicemill::cli
