// Sends a message with the AI SDK's own chat, once for each stream; prints its transient frames and kept parts.
import { AbstractChat, DefaultChatTransport } from "ai";

class State {
  status = "ready"; error = undefined; messages = [];
  pushMessage = (message) => this.messages.push(message);
  popMessage = () => this.messages.pop();
  replaceMessage = (index, message) => { this.messages[index] = message; };
  snapshot = (thing) => structuredClone(thing);
}
class Chat extends AbstractChat {}

const [url, count] = process.argv.slice(2);
const chats = [];
for (let number = 0; number < Number(count); number++) {
  const frames = [], ended = {};
  const chat = new Chat({
    state: new State(),
    transport: new DefaultChatTransport({ api: url }),
    onData: (part) => part.transient && frames.push(structuredClone(part.data)),
    onFinish: ({ finishReason, isError }) => Object.assign(ended, { finishReason, isError }),
  });
  await chat.sendMessage({ text: "go" });
  const answer = chat.messages.at(-1);
  chats.push({ frames, parts: answer.parts, role: answer.role, ...ended, error: chat.error?.message });
}
process.stdout.write(JSON.stringify(chats));
