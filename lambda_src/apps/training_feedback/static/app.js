// Sign in with Cognito, and talk to the bot with the credentials that the identity pool gives. Nothing is stored: a
// page that is loaded again is signed out. Text is shown as text, whatever is in it.
import { AwsClient } from "./aws4fetch.js";

const ATTEMPTS = 4;
const SPOKEN_CHARACTERS = 3000; // Amazon Polly's limit
const element = (id) => document.getElementById(id);
let settings = null;
let learner = null; // { token, identity, session, client, until }
let challenge = null; // the session of a sign-in that asks for a new password
let busy = false;

class Refused extends Error {
  constructor(code, status) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const endpoint = (service) => `https://${service}.${settings.region}.amazonaws.com`;

// Throttled calls and failures of a service are tried again, with jitter; refusals are not. A text whose answer was lost
// is not repeated (`repeatable`): the bot may have heard it, and would take it for an answer to its next question.
async function persist(call, repeatable = true) {
  for (let attempt = 1; ; attempt += 1) {
    let refusal = new Refused("NetworkError", 0);
    const answer = await call().catch(() => null);
    if (answer && answer.ok) return answer;
    if (answer) {
      const body = await answer.json().catch(() => ({}));
      const type = answer.headers.get("x-amzn-errortype") || body.__type || body.code || "";
      refusal = new Refused(type.split(":")[0].split("#").pop(), answer.status);
    }
    const lost = !answer && repeatable;
    const again = lost || [424, 429].includes(refusal.status) || refusal.status >= 500 || /throttl|TooManyRequests/i.test(refusal.code);
    if (!again || attempt === ATTEMPTS) throw refusal;
    await wait(Math.random() * 400 * 2 ** attempt);
  }
}

async function cognito(service, target, body) {
  const answer = await persist(() =>
    fetch(`${endpoint(service)}/`, {
      method: "POST",
      headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target },
      body: JSON.stringify(body),
    }),
  );
  return answer.json();
}

const provider = (operation, body) =>
  cognito("cognito-idp", `AWSCognitoIdentityProviderService.${operation}`, { ClientId: settings.client_id, ...body });

async function authenticate() {
  const name = element("username").value.trim();
  const password = element("password").value;
  const changed = element("new-password").value;
  if (challenge && changed) {
    return provider("RespondToAuthChallenge", {
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      Session: challenge,
      ChallengeResponses: { USERNAME: name, NEW_PASSWORD: changed },
    });
  }
  return provider("InitiateAuth", {
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: name, PASSWORD: password },
  });
}

async function credentials(token, identity) {
  const Logins = { [`cognito-idp.${settings.region}.amazonaws.com/${settings.user_pool_id}`]: token };
  const identityApi = (operation, body) => cognito("cognito-identity", `AWSCognitoIdentityService.${operation}`, body);
  const IdentityId =
    identity || (await identityApi("GetId", { IdentityPoolId: settings.identity_pool_id, Logins })).IdentityId;
  const { Credentials } = await identityApi("GetCredentialsForIdentity", { IdentityId, Logins });
  const client = new AwsClient({
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretKey,
    sessionToken: Credentials.SessionToken,
    region: settings.region,
    retries: 0,
  });
  return { token, identity: IdentityId, client, until: Credentials.Expiration * 1000 };
}

async function signIn(event) {
  event.preventDefault();
  await guarded("Signing in…", async () => {
    const answer = await authenticate();
    if (answer.ChallengeName === "NEW_PASSWORD_REQUIRED") {
      challenge = answer.Session;
      element("change").hidden = false;
      element("new-password").focus();
      return;
    }
    if (!answer.AuthenticationResult) throw new Refused("UnsupportedChallenge", 400);
    const found = await credentials(answer.AuthenticationResult.IdToken, null);
    const random = crypto.randomUUID().slice(0, 8);
    learner = { ...found, session: `${found.identity}.${random}` };
    challenge = null;
    element("sign-in").reset();
    element("change").hidden = true;
    element("sign-in").hidden = true;
    element("conversation").hidden = false;
    element("text").focus();
  });
}

function signOut() {
  learner = null;
  element("log").replaceChildren();
  element("conversation").hidden = true;
  element("sign-in").hidden = false;
  element("username").focus();
}

async function send(event) {
  event.preventDefault();
  const text = element("text").value.trim();
  if (!text) {
    element("text").focus();
    return;
  }
  await guarded("Sending…", async () => {
    if (Date.now() > learner.until - 60000) {
      learner = { ...learner, ...(await credentials(learner.token, learner.identity)) };
    }
    const locale = element("locale").value;
    const path = ["bots", settings.bot_id, "botAliases", settings.alias_id, "botLocales", locale, "sessions", learner.session, "text"];
    const url = `${endpoint("runtime-v2-lex")}/${path.map(encodeURIComponent).join("/")}`;
    const body = JSON.stringify({ text });
    const headers = { "Content-Type": "application/json" };
    const signed = () => learner.client.sign(url, { method: "POST", body, headers, aws: { service: "lex" } });
    const answer = await (await persist(async () => fetch(await signed()), false)).json();
    show(text, "mine");
    const said = (answer.messages || []).map((message) => message.content).filter(Boolean);
    said.forEach((message) => show(message, "bot"));
    element("text").value = "";
    element("text").focus();
    if (element("aloud").checked) await speak(said.join(" "), settings.voices[locale]);
  });
}

function show(text, kind) {
  const line = document.createElement("p");
  line.className = kind;
  line.textContent = text;
  element("log").append(line);
  line.scrollIntoView({ block: "nearest" });
}

// What is said aloud is on the page too: a failure here takes nothing away.
async function speak(text, voice) {
  if (!voice || !text) return;
  const body = JSON.stringify({ Engine: "neural", OutputFormat: "mp3", Text: text.slice(0, SPOKEN_CHARACTERS), VoiceId: voice });
  try {
    const url = `${endpoint("polly")}/v1/speech`;
    const headers = { "Content-Type": "application/json" };
    const signed = () => learner.client.sign(url, { method: "POST", body, headers, aws: { service: "polly" } });
    const answer = await persist(async () => fetch(await signed()));
    const audio = new Audio(URL.createObjectURL(await answer.blob()));
    audio.addEventListener("ended", () => URL.revokeObjectURL(audio.src));
    element("status").dataset.spoken = audio.src;
    await audio.play();
  } catch {
    element("status").dataset.silent = "true";
  }
}

const PROBLEMS = {
  NotAuthorizedException: "The user name or the password is not correct, or you must sign in again.",
  UserNotFoundException: "The user name or the password is not correct, or you must sign in again.",
  InvalidPasswordException: "The new password is too weak. Choose a longer one with letters, digits and symbols.",
  UnsupportedChallenge: "This page supports passwords only. Ask your administrator.",
  AccessDeniedException: "You may not use this training. Ask your administrator.",
};

async function guarded(status, work) {
  if (busy) return;
  busy = true;
  element("problem").textContent = "";
  element("status").textContent = status;
  try {
    await work();
  } catch (error) {
    if (learner && error.code === "NotAuthorizedException") signOut();
    element("problem").textContent = PROBLEMS[error.code] || "There was no answer. Try again in a moment.";
    element("problem").focus();
  } finally {
    busy = false;
    element("status").textContent = "";
  }
}

async function start() {
  settings = await (await persist(() => fetch("settings.json"))).json();
  const names = new Intl.DisplayNames(["en"], { type: "language" });
  for (const locale of settings.locales) element("locale").append(new Option(names.of(locale.replace("_", "-")), locale));
  element("language").hidden = settings.locales.length < 2;
  element("speech").hidden = Object.keys(settings.voices).length === 0;
  element("sign-in").addEventListener("submit", signIn);
  element("say").addEventListener("submit", send);
  element("sign-out").addEventListener("click", signOut);
}

guarded("Loading…", start);
