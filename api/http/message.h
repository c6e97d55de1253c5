// One HTTP request and its answer, as the router and the dialects see them: plain values, without a word of the server
// library.
//
// A handler runs on the loop thread. It may answer before it returns or later; the request lives only during the call,
// so what is needed later is moved or copied out of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::api {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };

// The verb as sent over the wire; "" for other.
std::string_view to_string(Method method);

struct Parameter {
  std::string name;
  std::string value;
};

// Takes a body piece by piece while it arrives, for rows whose bodies do not belong into memory. Loop thread. Destroyed
// when the request was answered or broken off.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Calls ready once the next piece may come. After an error no more pieces come: the handler is called at once, and
  // answers it.
  virtual void write(std::string piece, std::function<void(Result<void>)> ready) = 0;
};

// Gives a body piece by piece while it is sent, for answers that do not belong into memory whole. Loop thread.
// Destroyed when the answer was sent or broken off.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // The next piece, within a few milliseconds: one that needs longer gives "" and is asked again later. An error before
  // the first byte is answered (`invalid` as 400, another one as 500); later the connection is broken off, so that the
  // client sees that the body is cut.
  virtual Result<std::string> next() = 0;
  virtual bool at_end() const = 0;  // nothing follows what next() gave
  // Of one that waits for what comes: when it is asked again after it gave "". It ends with the server, and with its
  // client, whether it is at its end or not.
  virtual std::chrono::milliseconds pause() const { return {}; }
  // `wake`, called on the loop thread, has it asked before the pause is over. Called once, before the first next().
  virtual void on_ready(std::function<void()>) {}
};

// The header lines of a request, in the order given. Names are compared without regard to case. All of them lie in one
// block of memory, which HttpOptions::header_limit bounds.
class HeaderLines {
 public:
  void add(std::string_view name, std::string_view value);
  std::size_t count(std::string_view name) const;
  // Values of a name that is given several times are joined by ", ". Nothing if the name is absent.
  std::optional<std::string> value(std::string_view name) const;

 private:
  struct Line {
    std::uint32_t name_begin = 0;
    std::uint32_t value_begin = 0;
    std::uint32_t end = 0;
  };
  std::string_view name_of(const Line& line) const;

  std::string text_;
  std::vector<Line> lines_;
};

// Who sends a request. There is no authentication, so every request is this one's.
inline constexpr std::string_view kAnonymous = "anonymous";

struct Request {
  Method method = Method::get;
  std::string method_text;                 // as sent, for methods we do not know too
  std::string target;                      // as sent, with the query
  std::vector<Parameter> path_parameters;  // of the row's pattern, decoded; filled by the router
  std::vector<Parameter> query;            // decoded, in the order given, repeated keys kept
  HeaderLines headers;
  std::string peer;                         // address and port of the client: "127.0.0.1:40112", "[::1]:40112"
  std::string_view principal = kAnonymous;  // static text
  std::string content_type;
  std::string content_encoding;
  std::optional<std::uint64_t> content_length;  // as announced
  std::string body;
  std::shared_ptr<BodySink> sink;   // rows that open one: has taken the body, which is empty then
  std::shared_ptr<void> body_hold;  // counts the body among those in memory, until it is released

  // Requires: the row's pattern has ":name".
  const std::string& path_parameter(std::string_view name) const;
  // The values of a key given several times are joined by commas. Nothing if the key is absent.
  std::optional<std::string> query_value(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string_view content_type;  // static text
  std::string body;
  std::vector<Parameter> headers;        // further ones
  std::shared_ptr<BodySource> source{};  // gives the body, which is empty then
};

// Answers the request. Loop thread. The first call counts; a request whose every copy of this is destroyed without a
// call is answered with an error by the server, and a call after the client left is harmless.
using Respond = std::function<void(Response)>;

}  // namespace slicemill::api
