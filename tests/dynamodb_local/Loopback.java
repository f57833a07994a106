import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** DynamoDB Local, which has no option for it, on 127.0.0.1 only, until standard input ends. */
class Loopback {
    public static void main(String[] arguments) throws Exception {
        DynamoDBProxyServer server = ServerRunner.createServerFromCommandLineArgs(arguments);
        int bound = 0;
        for (Field field : DynamoDBProxyServer.class.getDeclaredFields()) {
            if (field.getType() == Server.class) {
                field.setAccessible(true);
                for (Connector connector : ((Server) field.get(server)).getConnectors()) {
                    ((ServerConnector) connector).setHost("127.0.0.1");
                    bound++;
                }
            }
        }
        if (bound == 0) {
            throw new IllegalStateException("nothing to bind to 127.0.0.1");
        }
        server.start();
        // Whoever started it may be killed, and then this ends too.
        while (System.in.read() != -1) {}
        System.exit(0);
    }
}
